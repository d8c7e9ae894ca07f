// Measurements that outlive a start, kept with what they were taken on: layouts, capacity profiles.
import { isDeepStrictEqual } from 'node:util';
import type { Fingerprint } from '../contracts/capacity.ts';
import type { Log } from '../core/log.ts';
import { readState, writeState } from '../core/state-file.ts';

interface Entry<Value> {
  readonly on: Fingerprint;
  readonly value: Value;
}

/** Models that are used in turn; older ones are measured again. */
const KEPT = 16;

/** A JSON list of `{ on, value }`, newest first. What somebody edited into nonsense is not there. */
export class MeasurementFile<Value> {
  readonly path: string;
  private readonly log: Log;
  private readonly isValue: (value: unknown) => value is Value;

  constructor(path: string, log: Log, isValue: (value: unknown) => value is Value) {
    this.path = path;
    this.log = log;
    this.isValue = isValue;
  }

  /** The newest taken where all that `on` names is the same. */
  find(on: Partial<Fingerprint>): Value | undefined {
    const isSame = (entry: Entry<Value>) => isDeepStrictEqual({ ...entry.on, ...on }, entry.on);
    return this.entries().find(isSame)?.value;
  }

  /** Replaces what was measured on the same. False when it cannot be written. */
  keep(on: Fingerprint, value: Value): boolean {
    const others = this.entries().filter((entry) => !isDeepStrictEqual(entry.on, on));
    const entries = [{ on, value }, ...others].slice(0, KEPT);
    return writeState(this.path, entries, this.log, 'a measurement is not kept');
  }

  private entries(): Entry<Value>[] {
    const found = readState(this.path, this.log, 'measurements are taken again');
    return Array.isArray(found) ? found.filter((entry) => this.isEntry(entry)) : [];
  }

  private isEntry(entry: unknown): entry is Entry<Value> {
    const { on, value } = (entry ?? {}) as Partial<Entry<unknown>>;
    return typeof on === 'object' && this.isValue(value);
  }
}
