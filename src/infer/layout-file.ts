// Layouts that were chosen by calibration, kept with what they were measured on.
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../core/log.ts';
import { readState, writeState } from '../core/state-file.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { Layout, MeasuredLayout } from './layout.ts';

interface Entry {
  readonly on: Fingerprint;
  readonly layout: Layout;
  readonly measured: readonly MeasuredLayout[];
}

/** Models that are tried in turn; older ones are measured again. */
const KEPT = 16;

export class LayoutFile {
  private readonly path: string;
  private readonly log: Log;

  constructor(path: string, log: Log) {
    this.path = path;
    this.log = log;
  }

  find(on: Fingerprint): Layout | undefined {
    return this.entries().find((entry) => isDeepStrictEqual(entry.on, on))?.layout;
  }

  keep(on: Fingerprint, layout: Layout, measured: readonly MeasuredLayout[]): void {
    const others = this.entries().filter((entry) => !isDeepStrictEqual(entry.on, on));
    const entries = [{ on, layout, measured }, ...others].slice(0, KEPT);
    writeState(this.path, entries, this.log, 'the layout is not kept');
  }

  private entries(): Entry[] {
    const found = readState(this.path, this.log, 'layouts are measured again');
    return Array.isArray(found) ? found.filter(isEntry) : [];
  }
}

/** Somebody may have edited the file: a layout that cannot be opened would end every start. */
function isEntry(value: unknown): value is Entry {
  const { on, layout } = (value ?? {}) as Partial<Entry>;
  if (typeof on !== 'object' || typeof layout !== 'object') return false;
  return [layout.sessions, layout.threads, layout.batch].every(
    (size) => Number.isInteger(size) && size >= 1 && size <= 64,
  );
}
