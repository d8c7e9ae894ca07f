// Totals of zones and lines over restarts of the agent.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Counters } from '../analytics/counters.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

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
    try {
      this.written = readFileSync(this.path, 'utf8');
      return JSON.parse(this.written);
    } catch (error) {
      const isNew = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isNew) this.log.warn({ path: this.path, cause: causeText(error) }, 'totals are lost');
      return {};
    }
  }

  /** Writes nothing when nothing was counted since. */
  write(counters: Readonly<Record<string, Counters>>): void {
    const text = JSON.stringify(counters);
    if (text === this.written) return;
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      writeFileSync(`${this.path}.new`, text);
      renameSync(`${this.path}.new`, this.path);
      this.written = text;
    } catch (error) {
      this.log.warn({ path: this.path, cause: causeText(error) }, 'totals are not kept');
    }
  }
}
