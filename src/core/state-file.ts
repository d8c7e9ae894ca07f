// Small JSON files that the agent keeps for itself, replaced as a whole. Losing one costs a measurement or a total, never a start.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { causeText } from './errors.ts';
import type { Log } from './log.ts';

/** What the file holds, unchecked; undefined when there is none. What cannot be read is logged as `loss` and counts as none. */
export function readState(path: string, log: Log, loss: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const isNew = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!isNew) log.warn({ path, cause: causeText(error) }, loss);
    return undefined;
  }
}

/** Creates the folder if need be. False, with `loss` in the log, when it cannot be written. */
export function writeState(path: string, value: unknown, log: Log, loss: string): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`);
    renameSync(`${path}.new`, path);
    return true;
  } catch (error) {
    log.warn({ path, cause: causeText(error) }, loss);
    return false;
  }
}
