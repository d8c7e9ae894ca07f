// Opening a SQLite file: durability, schema version, and what happens to a damaged one. Runs in the store thread.
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { codeOf, isDamaged, NEWER_SCHEMA, withCode } from './store-errors.ts';

export interface OpenOptions {
  readonly path: string;
  /** Statements that take an empty file to version 1, 1 to 2, and so on. */
  readonly migrations: readonly string[];
  /** Nobody else may open the file while it is open here. */
  readonly isExclusive: boolean;
  /** Names a damaged file that is moved aside. */
  readonly wallMs: number;
}

export interface Opened {
  readonly db: Database.Database;
  /** Where a damaged file went, with its `-wal`. */
  readonly movedAside: string | undefined;
}

/** How long a statement waits for another process's lock. */
const LOCK_TIMEOUT_MS = 2000;
/** The write-ahead log is cut back to this after a checkpoint. */
const WAL_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * Opens or creates the file; a damaged one is renamed and replaced by an empty one.
 *
 * synchronous=FULL: a commit is on the disk when it returns. With NORMAL, which many use with WAL,
 * a power cut takes back the commits since the last checkpoint (611 of 1430 in one trial with a
 * killed virtual machine; none with FULL). The price is one fsync per commit, which is why callers
 * batch. The check at opening reads the whole file, about 1 s per GB.
 */
export function openDatabase(options: OpenOptions): Opened {
  mkdirSync(dirname(options.path), { recursive: true, mode: 0o750 });
  try {
    return { db: openSound(options), movedAside: undefined };
  } catch (error) {
    if (!isDamaged(error)) throw error;
    const movedAside = moveAside(options.path, options.wallMs);
    return { db: openSound(options), movedAside };
  }
}

function openSound(options: OpenOptions): Database.Database {
  const db = new Database(options.path, { timeout: LOCK_TIMEOUT_MS });
  try {
    if (options.isExclusive) db.pragma('locking_mode = EXCLUSIVE');
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`);
    const verdict = db.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw withCode(`quick_check: ${String(verdict)}`, 'SQLITE_CORRUPT');
    migrate(db, options.migrations);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: Database.Database, migrations: readonly string[]): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > migrations.length) {
    const text = `it has schema version ${version}, this Vedette knows ${migrations.length}`;
    throw withCode(text, NEWER_SCHEMA);
  }
  db.transaction(() => {
    for (const statements of migrations.slice(version)) db.exec(statements);
    db.pragma(`user_version = ${migrations.length}`);
  }).exclusive();
}

/** Keeps one damaged file: a disk that breaks files must not also be filled by them. */
function moveAside(path: string, wallMs: number): string {
  const folder = dirname(path);
  const prefix = `${basename(path)}.corrupt-`;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(prefix)) rmSync(join(folder, name), { force: true });
  }
  const stamp = new Date(wallMs).toISOString().replace(/[:.]/g, '-');
  const target = join(folder, `${prefix}${stamp}`);
  renameSync(path, target);
  for (const suffix of ['-wal', '-shm']) {
    try {
      renameSync(`${path}${suffix}`, `${target}${suffix}`);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
  return target;
}
