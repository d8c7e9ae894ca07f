// What is said of a configuration that its schema accepts.
import type { Config } from './schema/config.ts';
import type { Path } from './schema/keys.ts';

export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly path: Path;
  readonly message: string;
}

/** Judges a configuration whose types are right. Must not read anything but its argument. */
export type ConfigCheck = (config: Config) => readonly Finding[];
