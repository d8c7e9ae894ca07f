// All sinks as one: records fan out, health is gathered, and none of them can hold up another.
import type { Sink, SinkHealth, SinkRecord } from '../contracts/sink.ts';
import { causeText } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { Log } from '../core/log.ts';

/** Part of what a `stop` may take: the rest is for closing. */
const FLUSH_MS = 1200;

export class SinkHub implements Service {
  readonly name = 'sinks';
  private readonly sinks: readonly Sink[];
  private readonly log: Log;
  private readonly closeShared: () => Promise<void>;
  private opened: Sink[] = [];

  /** `closeShared` runs after the last sink is closed. */
  constructor(sinks: readonly Sink[], log: Log, closeShared: () => Promise<void> = async () => {}) {
    this.sinks = sinks;
    this.log = log;
    this.closeShared = closeShared;
  }

  /** Opens in order. A sink that cannot open for a reason only the operator can mend throws; those before it are closed. */
  async start(): Promise<void> {
    try {
      for (const sink of this.sinks) {
        await sink.open();
        this.opened.push(sink);
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Returns at once; never throws. */
  write(records: readonly SinkRecord[]): void {
    for (const sink of this.opened) {
      try {
        sink.write(records);
      } catch (error) {
        this.log.error(
          { sink: sink.name, cause: causeText(error), error },
          'sink broke its promise',
        );
      }
    }
  }

  async stop(): Promise<void> {
    await this.flush(FLUSH_MS);
    await this.close();
  }

  /** All at once, so that one that waits does not use up the time of the others. */
  async flush(limitMs: number): Promise<void> {
    await this.each((sink) => sink.flush(limitMs), 'flush');
  }

  health(): Readonly<Record<string, SinkHealth>> {
    return Object.fromEntries(this.opened.map((sink) => [sink.name, sink.health()]));
  }

  /** Receivers before the outbox they read from: the reverse of opening. */
  private async close(): Promise<void> {
    const toClose = this.opened.reverse();
    this.opened = [];
    for (const sink of toClose) await this.guard(sink, () => sink.close(), 'close');
    await this.closeShared();
  }

  private async each(work: (sink: Sink) => Promise<void>, verb: string): Promise<void> {
    await Promise.all(this.opened.map((sink) => this.guard(sink, () => work(sink), verb)));
  }

  private async guard(sink: Sink, work: () => Promise<void>, verb: string): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.log.error({ sink: sink.name, cause: causeText(error) }, `sink: ${verb} failed`);
    }
  }
}
