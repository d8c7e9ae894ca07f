// Looking into what a YAML text holds, as plain data of unknown shape.
import type { Path } from './schema/keys.ts';

export type Block = Readonly<Record<string, unknown>>;

/** An object with keys, in the words of the documentation. */
export function isBlock(value: unknown): value is Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined where there is nothing; never what an object inherits. */
export function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) {
      return undefined;
    }
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
