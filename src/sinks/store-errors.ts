// What an error of SQLite or the file system means for a sink: mend the file, ask the operator, or wait and try again.

/** Our own code for a database that a newer Vedette has written. */
export const NEWER_SCHEMA = 'VEDETTE_NEWER_SCHEMA';

const DAMAGED = new Set(['SQLITE_CORRUPT', 'SQLITE_NOTADB']);
const BUSY = new Set(['SQLITE_BUSY', 'SQLITE_LOCKED']);
const BAD_RECORD = new Set(['SQLITE_CONSTRAINT', 'SQLITE_MISMATCH', 'SQLITE_TOOBIG']);
const OPERATOR = new Set([
  NEWER_SCHEMA,
  'EACCES',
  'EPERM',
  'ENOTDIR',
  'EEXIST',
  'SQLITE_CANTOPEN',
  'SQLITE_READONLY',
  'SQLITE_PERM',
]);

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

export function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

export function isDamaged(error: unknown): boolean {
  return matches(DAMAGED, codeOf(error));
}

/** True for what waiting cannot mend: permissions, a path that is no file, a newer schema. */
export function needsOperator(error: unknown): boolean {
  return matches(OPERATOR, codeOf(error));
}

/** Another process holds the lock; the file itself is fine. */
export function isBusy(error: unknown): boolean {
  return matches(BUSY, codeOf(error));
}

/** The record cannot be stored, now or ever. */
export function isBadRecord(error: unknown): boolean {
  return matches(BAD_RECORD, codeOf(error));
}

/** SQLite's extended codes carry the primary one as prefix: `SQLITE_CORRUPT_INDEX`. */
function matches(codes: ReadonlySet<string>, code: string): boolean {
  if (codes.has(code)) return true;
  const [prefix, primary] = code.split('_');
  return prefix === 'SQLITE' && codes.has(`SQLITE_${primary}`);
}
