// Where large test material lies (models, footage, ground truth). It is not part of the repository.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..', '..', 'shared');

/** The folder, or undefined on a machine that does not have it. */
export const sharedRoot: string | undefined = existsSync(join(ROOT, 'models')) ? ROOT : undefined;

/** The absolute path of a file below it; call only inside tests that `needsShared` guards. */
export function shared(...parts: string[]): string {
  return join(ROOT, ...parts);
}

/**
 * For `describe.skipIf(needsShared('…'))`: true, with the reason printed, where the material is absent.
 */
export function needsShared(what: string): boolean {
  if (sharedRoot !== undefined) return false;
  console.warn(`SKIPPED: ${what} needs the test material in ${ROOT}, which is not on this machine`);
  return true;
}
