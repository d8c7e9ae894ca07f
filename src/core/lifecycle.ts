// Services start in a list's order, some side by side, and stop in reverse; one that cannot start undoes the others.
import { causeText } from './errors.ts';
import type { Log } from './log.ts';

export interface Service {
  readonly name: string;
  start(): Promise<void>;
  /** Called once, also after a failed `start` of a later service. Must not throw for being stopped early. */
  stop(): Promise<void>;
}

/** Services that do not need each other start side by side. */
export type StartOrder = readonly (Service | readonly Service[])[];

export class Lifecycle {
  private readonly services: StartOrder;
  private readonly log: Log;
  private running: Service[] = [];

  constructor(services: StartOrder, log: Log) {
    this.services = services;
    this.log = log;
  }

  async start(): Promise<void> {
    for (const next of this.services) {
      const group = 'start' in next ? [next] : next;
      const started = await Promise.allSettled(group.map((service) => service.start()));
      this.running.push(...group.filter((_, at) => started[at]?.status === 'fulfilled'));
      const failed = started.find((one) => one.status === 'rejected');
      if (failed === undefined) continue;
      await this.stop();
      throw failed.reason;
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
