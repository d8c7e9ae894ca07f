// Services start in a list's order and stop in reverse; one that cannot start undoes the ones before it.
import { causeText } from './errors.ts';
import type { Log } from './log.ts';

export interface Service {
  readonly name: string;
  start(): Promise<void>;
  /** Called once, also after a failed `start` of a later service. Must not throw for being stopped early. */
  stop(): Promise<void>;
}

export class Lifecycle {
  private readonly services: readonly Service[];
  private readonly log: Log;
  private running: Service[] = [];

  constructor(services: readonly Service[], log: Log) {
    this.services = services;
    this.log = log;
  }

  async start(): Promise<void> {
    for (const service of this.services) {
      try {
        await service.start();
        this.running.push(service);
      } catch (error) {
        await this.stop();
        throw error;
      }
    }
  }

  /** Stops everything that runs; a service that fails or takes over `limitMs` is logged and left behind. */
  async stop(limitMs = 2000): Promise<void> {
    const toStop = this.running.reverse();
    this.running = [];
    for (const service of toStop) {
      try {
        await within(service.stop(), limitMs);
      } catch (error) {
        this.log.error({ service: service.name, cause: causeText(error) }, 'stop failed');
      }
    }
  }
}

async function within(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not stopped within ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
