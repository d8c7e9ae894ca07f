// Counting what is dropped, by stage and cause, and saying so at most once a second.
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export class DropCounter {
  private readonly totals = new Map<string, number>();
  private readonly unreported = new Map<string, number>();
  private lastReportMs = Number.NEGATIVE_INFINITY;
  private readonly clock: Clock;
  private readonly log: Log;

  constructor(clock: Clock, log: Log) {
    this.clock = clock;
    this.log = log;
  }

  /** One frame, message or record that was let go in `stage` because of `cause`. */
  add(stage: string, cause: string, count = 1): void {
    const key = `${stage}/${cause}`;
    this.totals.set(key, (this.totals.get(key) ?? 0) + count);
    this.unreported.set(key, (this.unreported.get(key) ?? 0) + count);
    const now = this.clock.monotonicMs();
    if (now - this.lastReportMs < 1000) return;
    this.lastReportMs = now;
    this.log.debug({ drops: Object.fromEntries(this.unreported) }, 'dropped');
    this.unreported.clear();
  }

  /** Totals since the start, keyed `stage/cause`. */
  snapshot(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.totals);
  }
}
