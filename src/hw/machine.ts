// The files in which a machine says what it is: /proc, /sys, /dev, /etc. Tests lay them out under another root.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export class Machine {
  readonly #root: string;

  constructor(root = '/') {
    this.#root = root;
  }

  /** Without the NUL that ends device-tree strings; undefined when it cannot be read. */
  text(file: string): string | undefined {
    try {
      return readFileSync(path.join(this.#root, file), 'utf8').replaceAll('\0', '').trim();
    } catch {
      return undefined;
    }
  }

  /** Names in a folder, sorted; none when it is not there. */
  list(folder: string): string[] {
    try {
      return readdirSync(path.join(this.#root, folder)).sort();
    } catch {
      return [];
    }
  }

  has(file: string): boolean {
    return existsSync(path.join(this.#root, file));
  }
}
