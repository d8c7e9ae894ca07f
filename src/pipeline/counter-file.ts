// Totals of zones and lines over restarts of the agent.
import type { Counters } from '../analytics/counters.ts';
import type { Log } from '../core/log.ts';
import { readState, writeState } from '../core/state-file.ts';

/** One small JSON file, replaced as a whole. Losing it costs totals, never the start of the agent. */
export class CounterFile {
  private readonly path: string;
  private readonly log: Log;
  private written = '{}';

  constructor(path: string, log: Log) {
    this.path = path;
    this.log = log;
  }

  read(): Record<string, Counters> {
    const counters = (readState(this.path, this.log, 'totals are lost') ?? {}) as Record<
      string,
      Counters
    >;
    this.written = JSON.stringify(counters);
    return counters;
  }

  /** Writes nothing when nothing was counted since. */
  write(counters: Readonly<Record<string, Counters>>): void {
    const text = JSON.stringify(counters);
    if (text === this.written) return;
    if (writeState(this.path, counters, this.log, 'totals are not kept')) this.written = text;
  }
}
