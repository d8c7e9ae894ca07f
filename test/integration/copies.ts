// What native/test/copies_probe.cpp counted, by library.

/** Bytes since the process began. */
export interface Counted {
  /** By memcpy and its kin. */
  readonly copied: number;
  /** By read, write and theirs. */
  readonly moved: number;
  /** Of pictures that were mapped to be written. */
  readonly mapped: number;
}

export type Rows = Readonly<Record<string, Counted>>;

export interface Measured {
  readonly inferred: number;
  readonly decoded: number;
  /** By the product's own counter. */
  readonly printedBytes: number;
  readonly agent: Rows;
  readonly camera: Rows;
}

const ROW_BYTES = 96;
const NAME_BYTES = 64;

export function readRows(bytes: Buffer): Rows {
  const rows: Record<string, Counted> = {};
  for (let at = 0; at < bytes.length; at += ROW_BYTES) {
    const name = bytes.toString('utf8', at, at + NAME_BYTES).replace(/\0.*$/s, '');
    if (name === '') continue;
    const [copied = 0, moved = 0, mapped = 0] = [0, 8, 16].map((offset) =>
      Number(bytes.readBigUInt64LE(at + NAME_BYTES + offset)),
    );
    rows[name] = { copied, moved, mapped };
  }
  return rows;
}

export function difference(after: Rows = {}, before: Rows = {}): Rows {
  const minus = (name: string, key: keyof Counted): number =>
    after[name]![key] - (before[name]?.[key] ?? 0);
  return Object.fromEntries(
    Object.keys(after).map((name) => [
      name,
      {
        copied: minus(name, 'copied'),
        moved: minus(name, 'moved'),
        mapped: minus(name, 'mapped'),
      },
    ]),
  );
}

/** Over all libraries but those that match. */
export function sum(rows: Rows, key: keyof Counted, except?: RegExp): number {
  return Object.entries(rows)
    .filter(([name]) => except?.test(name) !== true)
    .reduce((total, [, counted]) => total + counted[key], 0);
}
