// The outbox on disk: entries in order of acceptance and one cursor per reader. Runs in the store thread.
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import { openDatabase } from './database.ts';

export interface OutboxRow {
  readonly seq: number;
  /** JSON of the event. */
  readonly body: string;
}

export interface OutboxOpenOptions {
  readonly path: string;
  readonly readers: readonly string[];
  readonly maxRows: number;
  readonly maxBytes: number;
  readonly wallMs: number;
}

export interface OutboxState {
  /** The highest number ever stored or settled. */
  readonly lastSeq: number;
  /** Per reader: everything up to this is settled. */
  readonly cursors: Readonly<Record<string, number>>;
  readonly movedAside: string | undefined;
  /** Rows that could be taken over from the damaged file. */
  readonly salvaged: number;
}

export interface OutboxCommit {
  readonly rows: readonly OutboxRow[];
  readonly cursors: Readonly<Record<string, number>>;
}

const MIGRATIONS = [
  `CREATE TABLE entries (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, crc INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
   CREATE TABLE readers (name TEXT PRIMARY KEY, cursor INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
];
/** Row header, seq, crc and its share of the page. */
const ROW_OVERHEAD = 32;
/** How much of the rows goes at once when a bound is exceeded, so that not every commit deletes. */
const TRIM_SHARE = 0.02;
const VACUUM_PAGES = 64;

export class OutboxFile {
  private db: Database.Database | undefined;
  private options: OutboxOpenOptions | undefined;
  private rows = 0;
  private bytes = 0;

  /** Readers that are no longer named lose their cursor; new ones start behind the newest entry. */
  open(options: OutboxOpenOptions): OutboxState {
    this.close();
    this.options = options;
    const { path, wallMs } = options;
    const { db, movedAside } = openDatabase({
      path,
      wallMs,
      migrations: MIGRATIONS,
      isExclusive: true,
    });
    this.db = db;
    const { salvaged, cursors } = db.transaction(() => ({
      salvaged: movedAside === undefined ? 0 : salvage(db, movedAside),
      cursors: settleReaders(db, options.readers, movedAside !== undefined),
    }))();
    const totals = db
      .prepare('SELECT count(*) AS rows, coalesce(sum(bytes), 0) AS bytes FROM entries')
      .get() as { rows: number; bytes: number };
    this.rows = totals.rows;
    this.bytes = totals.bytes;
    return { lastSeq: lastSeq(db), cursors, movedAside, salvaged };
  }

  /**
   * Stores rows and cursors in one transaction; on return they survive a power cut. Rows that every
   * reader has settled go; over the bounds the oldest go, up to the returned `trimmedTo`.
   */
  commit({ rows, cursors }: OutboxCommit): { trimmedTo: number } {
    const db = this.opened();
    return db.transaction(() => {
      const insert = db.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)');
      for (const { seq, body } of rows) {
        const bytes = Buffer.byteLength(body) + ROW_OVERHEAD;
        insert.run(seq, body, crc32(body), bytes);
        this.rows += 1;
        this.bytes += bytes;
      }
      const move = db.prepare('UPDATE readers SET cursor = max(cursor, ?) WHERE name = ?');
      for (const [name, cursor] of Object.entries(cursors)) move.run(cursor, name);
      const lowest = db.prepare('SELECT min(cursor) FROM readers').pluck().get() as number | null;
      if (lowest !== null) this.remove(db, lowest);
      return { trimmedTo: this.trim(db) };
    })();
  }

  /** The next rows after `afterSeq`, without those whose checksum fails; `last` is the highest number looked at. */
  read(afterSeq: number, limit: number): { rows: OutboxRow[]; last: number | undefined } {
    const found = this.opened()
      .prepare('SELECT seq, body, crc FROM entries WHERE seq > ? ORDER BY seq LIMIT ?')
      .all(afterSeq, limit) as (OutboxRow & { crc: number })[];
    const sound = found.filter((row) => crc32(row.body) === row.crc);
    const rows = sound.map(({ seq, body }) => ({ seq, body }));
    return { rows, last: found.at(-1)?.seq };
  }

  /** Gives pages that are no longer used back to the file system, a few at a time. */
  vacuum(): void {
    this.opened().pragma(`incremental_vacuum(${VACUUM_PAGES})`);
  }

  close(): void {
    this.db?.close();
    this.db = undefined;
  }

  private opened(): Database.Database {
    if (this.db === undefined) throw new Error('the outbox file is not open');
    return this.db;
  }

  private trim(db: Database.Database): number {
    const { maxRows, maxBytes } = this.options!;
    if (this.rows <= maxRows && this.bytes <= maxBytes) return 0;
    const excess = Math.max(0, this.rows - maxRows);
    const extra = Math.max(1, Math.ceil(this.rows * TRIM_SHARE));
    let upTo = 0;
    do {
      const nth = db.prepare('SELECT seq FROM entries ORDER BY seq LIMIT 1 OFFSET ?').pluck();
      const seq = nth.get(Math.min(this.rows, Math.max(excess, extra)) - 1) as number | undefined;
      if (seq === undefined) break;
      upTo = seq;
      this.remove(db, upTo);
    } while (this.bytes > maxBytes && this.rows > 0);
    return upTo;
  }

  private remove(db: Database.Database, upTo: number): void {
    const gone = db
      .prepare(
        'SELECT count(*) AS rows, coalesce(sum(bytes), 0) AS bytes FROM entries WHERE seq <= ?',
      )
      .get(upTo) as { rows: number; bytes: number };
    if (gone.rows === 0) return;
    db.prepare('DELETE FROM entries WHERE seq <= ?').run(upTo);
    this.rows -= gone.rows;
    this.bytes -= gone.bytes;
  }
}

/**
 * Copies what can still be read and passes its checksum: upwards to the first bad page, then
 * downwards to the last one. Readers whose cursor is lost begin at the first copied row.
 */
function salvage(db: Database.Database, path: string): number {
  const rows = new Map<number, OutboxRow & { crc: number }>();
  let readers: { name: string; cursor: number }[] = [];
  try {
    const source = new Database(path, { fileMustExist: true });
    try {
      for (const order of ['ASC', 'DESC']) collect(source, order, rows);
      readers = source.prepare('SELECT name, cursor FROM readers').all() as typeof readers;
    } finally {
      source.close();
    }
  } catch {
    // The file cannot be read any further; what was collected is what there is.
  }
  const sound = [...rows.values()].filter((row) => crc32(row.body) === row.crc);
  const insert = db.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)');
  for (const { seq, body, crc } of sound) {
    insert.run(seq, body, crc, Buffer.byteLength(body) + ROW_OVERHEAD);
  }
  const add = db.prepare('INSERT OR REPLACE INTO readers VALUES (?, ?)');
  for (const { name, cursor } of readers) add.run(name, cursor);
  return sound.length;
}

function collect(
  source: Database.Database,
  order: string,
  rows: Map<number, OutboxRow & { crc: number }>,
): void {
  const query = source.prepare(`SELECT seq, body, crc FROM entries ORDER BY seq ${order}`);
  try {
    for (const row of query.iterate() as Iterable<OutboxRow & { crc: number }>) {
      if (rows.has(row.seq)) return;
      rows.set(row.seq, row);
    }
  } catch {
    // A bad page ends this direction.
  }
}

function lastSeq(db: Database.Database): number {
  const query =
    'SELECT max(coalesce((SELECT max(seq) FROM entries), 0), coalesce((SELECT max(cursor) FROM readers), 0))';
  return db.prepare(query).pluck().get() as number;
}

/** New readers start behind the newest entry; after damage, when theirs may be lost, before the oldest. */
function settleReaders(
  db: Database.Database,
  names: readonly string[],
  isSalvaged: boolean,
): Record<string, number> {
  const oldest = db.prepare('SELECT min(seq) FROM entries').pluck().get() as number | null;
  const start = isSalvaged && oldest !== null ? oldest - 1 : lastSeq(db);
  const known = db.prepare('SELECT name FROM readers').pluck().all() as string[];
  const forget = db.prepare('DELETE FROM readers WHERE name = ?');
  for (const name of known) if (!names.includes(name)) forget.run(name);
  const add = db.prepare('INSERT OR IGNORE INTO readers VALUES (?, ?)');
  for (const name of names) add.run(name, start);
  const rows = db.prepare('SELECT name, cursor FROM readers').all();
  return Object.fromEntries(
    (rows as { name: string; cursor: number }[]).map(({ name, cursor }) => [name, cursor]),
  );
}
