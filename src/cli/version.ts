// The version of the package that this file belongs to.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PACKAGE_ROOT: string = join(import.meta.dirname, '..', '..');

export const VERSION: string = JSON.parse(
  readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8'),
).version;
