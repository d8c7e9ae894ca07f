// vedette.db: cameras, tracks and events, for queries. Runs in the store thread; a command may open it read-only beside the agent.
import Database from 'better-sqlite3';
import type { CameraStatus } from '../contracts/camera.ts';
import type { EventRecord, EventType } from '../contracts/event.ts';
import { openDatabase } from './database.ts';

export interface ArchiveBatch {
  readonly events: readonly EventRecord[];
  readonly cameras: readonly CameraStatus[];
}

export interface EventQuery {
  readonly camera?: string;
  readonly label?: string;
  readonly type?: EventType;
  readonly zone?: string;
  readonly objectId?: string;
  readonly minScore?: number;
  /** Capture time, milliseconds since 1970: `fromMs` included, `toMs` not. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Page: only events before the one with this id, in the order of the answer. */
  readonly before?: string;
  /** At most 1000. */
  readonly limit?: number;
}

/** A row of the tracks table: one object from its first event to its last. */
export interface TrackRow {
  readonly id: string;
  readonly camera: string;
  readonly track_id: number;
  readonly label: string;
  readonly top_score: number;
  readonly start_ms: number;
  /** Null while it is in view, and for good when the agent was killed meanwhile. */
  readonly end_ms: number | null;
  readonly best_ms: number | null;
  readonly still: string | null;
}

export interface FormerCamera {
  readonly camera: string;
  readonly labels: readonly string[];
}

export interface PruneOrder {
  /** Everything that happened before this goes, milliseconds since 1970. */
  readonly beforeMs: number;
  /** Then the oldest go until the data is smaller. */
  readonly maxBytes: number;
}

const MIGRATIONS = [
  `CREATE TABLE cameras (
     id TEXT PRIMARY KEY, state TEXT NOT NULL, since TEXT NOT NULL, codec TEXT, decoder TEXT,
     width_px INTEGER, height_px INTEGER, last_error TEXT) STRICT, WITHOUT ROWID;
   CREATE TABLE tracks (
     id TEXT PRIMARY KEY, camera TEXT NOT NULL, track_id INTEGER NOT NULL, label TEXT NOT NULL,
     top_score REAL NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER, best_ms INTEGER,
     still TEXT) STRICT, WITHOUT ROWID;
   CREATE INDEX tracks_by_time ON tracks (start_ms);
   CREATE INDEX tracks_by_camera ON tracks (camera, start_ms);
   CREATE TABLE events (
     id TEXT PRIMARY KEY, ts_ms INTEGER NOT NULL, type TEXT NOT NULL, camera TEXT NOT NULL,
     label TEXT, score REAL, object_id TEXT, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX events_by_time ON events (ts_ms, id);
   CREATE INDEX events_by_camera ON events (camera, ts_ms, id);
   CREATE INDEX events_by_label ON events (label, ts_ms, id);
   CREATE INDEX events_by_object ON events (object_id) WHERE object_id IS NOT NULL;`,
];
const PRUNE_ROWS = 1000;
const VACUUM_PAGES = 256;

export class ArchiveFile {
  private db: Database.Database | undefined;

  /** Opens for reading beside a running agent. */
  static openReadOnly(path: string): ArchiveFile {
    const file = new ArchiveFile();
    file.db = new Database(path, { readonly: true, fileMustExist: true });
    return file;
  }

  open(options: { path: string; wallMs: number }): { movedAside: string | undefined } {
    this.close();
    const { db, movedAside } = openDatabase({
      ...options,
      migrations: MIGRATIONS,
      isExclusive: false,
    });
    this.db = db;
    return { movedAside };
  }

  /** One transaction; the same event twice is one row. */
  store({ events, cameras }: ArchiveBatch): void {
    const db = this.opened();
    db.transaction(() => {
      for (const event of events) storeEvent(db, event);
      for (const status of cameras) storeCamera(db, status);
    })();
  }

  /** Newest first. */
  events(query: EventQuery): EventRecord[] {
    const { where, values } = conditions(query);
    const rows = this.opened()
      .prepare(`SELECT body FROM events ${where} ORDER BY ts_ms DESC, id DESC LIMIT ?`)
      .pluck()
      .all(...values, Math.min(1000, query.limit ?? 50)) as string[];
    return rows.map((body) => JSON.parse(body) as EventRecord);
  }

  /** Newest first. */
  tracks(query: { camera?: string; limit?: number } = {}): TrackRow[] {
    const where = query.camera === undefined ? '' : 'WHERE camera = ?';
    const values = query.camera === undefined ? [] : [query.camera];
    return this.opened()
      .prepare(`SELECT * FROM tracks ${where} ORDER BY start_ms DESC LIMIT ?`)
      .all(...values, Math.min(1000, query.limit ?? 50)) as TrackRow[];
  }

  cameras(): { id: string; state: string; since: string }[] {
    return this.opened().prepare('SELECT id, state, since FROM cameras').all() as {
      id: string;
      state: string;
      since: string;
    }[];
  }

  /** Cameras that wrote here once and are not in `current`, with the labels that were tracked there. */
  formerCameras(current: readonly string[]): FormerCamera[] {
    const db = this.opened();
    const labels = db.prepare('SELECT DISTINCT label FROM tracks WHERE camera = ?').pluck();
    const ids = db.prepare('SELECT id FROM cameras').pluck().all() as string[];
    return ids
      .filter((id) => !current.includes(id))
      .map((camera) => ({ camera, labels: labels.all(camera) as string[] }));
  }

  /** Their events and tracks stay until retention takes them. */
  forgetCameras(ids: readonly string[]): void {
    const forget = this.opened().prepare('DELETE FROM cameras WHERE id = ?');
    for (const id of ids) forget.run(id);
  }

  /** Deletes at most 1000 rows of each table, so that a call stays short; call again while `more`. */
  prune({ beforeMs, maxBytes }: PruneOrder): { deleted: number; bytes: number; more: boolean } {
    const db = this.opened();
    const isTooLarge = usedBytes(db) > maxBytes;
    const limit = isTooLarge ? Number.MAX_SAFE_INTEGER : beforeMs;
    const deleted = db.transaction(() => {
      const events = db.prepare(
        'DELETE FROM events WHERE id IN (SELECT id FROM events WHERE ts_ms < ? ORDER BY ts_ms, id LIMIT ?)',
      );
      const tracks = db.prepare(
        'DELETE FROM tracks WHERE id IN (SELECT id FROM tracks WHERE coalesce(end_ms, start_ms) < ? ORDER BY start_ms LIMIT ?)',
      );
      const oldEvents = events.run(limit, PRUNE_ROWS).changes;
      const keptFrom = oldestEvent(db) ?? beforeMs;
      return (
        oldEvents + tracks.run(Math.min(limit, Math.max(beforeMs, keptFrom)), PRUNE_ROWS).changes
      );
    })();
    db.pragma(`incremental_vacuum(${VACUUM_PAGES})`);
    const bytes = usedBytes(db);
    return { deleted, bytes, more: deleted > 0 && (deleted >= PRUNE_ROWS || bytes > maxBytes) };
  }

  close(): void {
    this.db?.close();
    this.db = undefined;
  }

  private opened(): Database.Database {
    if (this.db === undefined) throw new Error('the database is not open');
    return this.db;
  }
}

function storeEvent(db: Database.Database, event: EventRecord): void {
  db.prepare('INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
    event.id,
    Date.parse(event.ts),
    event.event_type,
    event.camera,
    event.label,
    event.top_score ?? event.score,
    event.object_id,
    JSON.stringify(event),
  );
  if (event.object_id === null || event.start_ts === null) return;
  db.prepare(
    `INSERT INTO tracks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET
       label = excluded.label, top_score = max(top_score, excluded.top_score),
       end_ms = coalesce(excluded.end_ms, end_ms), best_ms = coalesce(excluded.best_ms, best_ms),
       still = coalesce(excluded.still, still)`,
  ).run(
    event.object_id,
    event.camera,
    event.track_id ?? 0,
    event.label ?? '',
    event.top_score ?? 0,
    Date.parse(event.start_ts),
    event.end_ts === null ? null : Date.parse(event.end_ts),
    event.best === null ? null : Date.parse(event.best.ts),
    event.still,
  );
}

function storeCamera(db: Database.Database, status: CameraStatus): void {
  const [widthPx, heightPx] = status.frame_size ?? [null, null];
  db.prepare('INSERT OR REPLACE INTO cameras VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(
    status.camera,
    status.state,
    status.since,
    status.codec,
    status.decoder,
    widthPx,
    heightPx,
    status.last_error,
  );
}

function conditions(query: EventQuery): { where: string; values: (string | number)[] } {
  const parts: [string, string | number | undefined][] = [
    ['camera = ?', query.camera],
    ['label = ?', query.label],
    ['type = ?', query.type],
    ['object_id = ?', query.objectId],
    ['score >= ?', query.minScore],
    ['ts_ms >= ?', query.fromMs],
    ['ts_ms < ?', query.toMs],
    ["EXISTS (SELECT 1 FROM json_each(body, '$.zones') WHERE value = ?)", query.zone],
    ['(ts_ms, id) < (SELECT ts_ms, id FROM events WHERE id = ?)', query.before],
  ];
  const used = parts.filter((part): part is [string, string | number] => part[1] !== undefined);
  const where = used.length === 0 ? '' : `WHERE ${used.map(([sql]) => sql).join(' AND ')}`;
  return { where, values: used.map(([, value]) => value) };
}

function oldestEvent(db: Database.Database): number | null {
  return db.prepare('SELECT min(ts_ms) FROM events').pluck().get() as number | null;
}

function usedBytes(db: Database.Database): number {
  const pages = Number(db.pragma('page_count', { simple: true }));
  const free = Number(db.pragma('freelist_count', { simple: true }));
  return (pages - free) * Number(db.pragma('page_size', { simple: true }));
}
