// Deletes what has been kept long enough, or what no longer fits.
import type { Clock, Timer } from '../core/clock.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { FileSink } from './files.ts';
import type { SqliteSink } from './sqlite.ts';

export interface RetentionDeps {
  readonly archive: SqliteSink;
  /** Stills and clips. */
  readonly files: readonly FileSink[];
  readonly days: number;
  readonly maxDatabaseBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

const DAY_MS = 86_400_000;
const FIRST_MS = 60_000;
const PERIOD_MS = 3_600_000;
/** A clock that was never set would make everything look old or new. */
const EARLIEST_SANE_MS = Date.UTC(2024, 0, 1);

/** Runs a minute after `start` and then hourly. Does nothing while the wall clock is evidently wrong. */
export class Retention {
  private readonly deps: RetentionDeps;
  private timers: Timer[] = [];
  private running: Promise<void> | undefined;

  constructor(deps: RetentionDeps) {
    this.deps = deps;
  }

  start(): void {
    const { clock } = this.deps;
    this.timers = [
      clock.after(FIRST_MS, () => void this.run(), true),
      clock.every(PERIOD_MS, () => void this.run()),
    ];
  }

  async stop(): Promise<void> {
    for (const timer of this.timers) timer.cancel();
    await this.running;
  }

  /** Never rejects. */
  run(): Promise<void> {
    this.running ??= this.prune().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async prune(): Promise<void> {
    const { archive, files, days, maxDatabaseBytes, clock, log } = this.deps;
    const nowMs = clock.wallMs();
    if (nowMs < EARLIEST_SANE_MS) return;
    const beforeMs = nowMs - days * DAY_MS;
    try {
      const rows = await archive.prune({ beforeMs, maxBytes: maxDatabaseBytes });
      let deleted = 0;
      for (const sink of files) deleted += await sink.prune(beforeMs);
      if (rows + deleted > 0) log.info({ rows, files: deleted, days }, 'old results deleted');
    } catch (error) {
      log.warn({ cause: causeText(error) }, 'old results could not be deleted');
    }
  }
}
