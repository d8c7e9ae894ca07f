// Sink: cameras, tracks and events into vedette.db, in batches.
import type { CameraStatus } from '../contracts/camera.ts';
import type { EventRecord } from '../contracts/event.ts';
import type { Sink, SinkHealth, SinkRecord } from '../contracts/sink.ts';
import { Backoff } from '../core/backoff.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { EventQuery, FormerCamera, PruneOrder, TrackRow } from './archive-file.ts';
import type { RemoteArchive } from './store.ts';
import { isBadRecord, isBusy, needsOperator } from './store-errors.ts';

export interface SqliteSinkDeps {
  readonly path: string;
  readonly file: RemoteArchive;
  readonly clock: Clock;
  readonly log: Log;
}

type Row = { readonly event: EventRecord } | { readonly status: CameraStatus };

/** One fsync for all that happened meanwhile; a crash of the agent loses at most this much of the archive. */
const COMMIT_MS = 500;
const COMMIT_ROWS = 1000;
/** Kept while the file cannot be written: about 10 MB. */
const MAX_WAITING = 10_000;
const RETRY = { firstMs: 500, maxMs: 5000 };

export class SqliteSink implements Sink {
  readonly name = 'sqlite';
  private readonly deps: SqliteSinkDeps;
  private readonly backoff = new Backoff(RETRY);
  private waiting: Row[] = [];
  /** With the store thread now. */
  private storing = 0;
  private isOpen = false;
  private timer: Timer | undefined;
  private committing: Promise<void> | undefined;
  private delivered = 0;
  private dropped = 0;
  private failure: string | null = null;

  constructor(deps: SqliteSinkDeps) {
    this.deps = deps;
  }

  /** Throws STORE_UNAVAILABLE for what waiting cannot mend; a locked or full one is tried again. */
  async open(): Promise<void> {
    try {
      await this.openFile();
    } catch (error) {
      const cause = causeText(error);
      if (needsOperator(error)) {
        throw new AgentError('STORE_UNAVAILABLE', { path: this.deps.path, cause }, error);
      }
      this.failed(error);
    }
  }

  write(records: readonly SinkRecord[]): void {
    for (const record of records) {
      if (record.kind === 'event') this.waiting.push({ event: record.event });
      else if (record.kind === 'camera') this.waiting.push({ status: record.status });
    }
    const excess = this.waiting.length - MAX_WAITING;
    if (excess > 0) {
      this.waiting.splice(0, excess);
      this.dropped += excess;
    }
    if (this.waiting.length > 0) this.schedule(COMMIT_MS);
  }

  async flush(limitMs: number): Promise<void> {
    const { clock } = this.deps;
    const endMs = clock.monotonicMs() + limitMs;
    do await this.commit();
    while (this.waiting.length > 0 && this.failure === null && clock.monotonicMs() < endMs);
  }

  async close(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    await this.committing;
    this.isOpen = false;
    await this.deps.file.close();
  }

  health(): SinkHealth {
    return {
      state: this.failure === null ? 'ok' : 'degraded',
      backlog: this.waiting.length + this.storing,
      delivered: this.delivered,
      dropped: this.dropped,
      lastError: this.failure,
    };
  }

  /** Newest first; up to half a second behind. */
  events(query: EventQuery): Promise<EventRecord[]> {
    return this.deps.file.events(query);
  }

  tracks(query: { camera?: string; limit?: number }): Promise<TrackRow[]> {
    return this.deps.file.tracks(query);
  }

  /** See `ArchiveFile`; empty while the file cannot be read. */
  async formerCameras(current: readonly string[]): Promise<FormerCamera[]> {
    return this.isOpen ? this.deps.file.formerCameras(current) : [];
  }

  async forgetCameras(ids: readonly string[]): Promise<void> {
    if (this.isOpen) await this.deps.file.forgetCameras(ids);
  }

  /** Deletes in small steps, with room for commits between them; returns how many rows went. */
  async prune(order: PruneOrder): Promise<number> {
    let total = 0;
    while (this.isOpen) {
      const { deleted, more } = await this.deps.file.prune(order);
      total += deleted;
      if (!more) break;
    }
    return total;
  }

  private async openFile(): Promise<void> {
    const { file, path, clock, log } = this.deps;
    const { movedAside } = await file.open({ path, wallMs: clock.wallMs() });
    this.isOpen = true;
    if (movedAside !== undefined) {
      log.error({ path, movedAside }, 'the database was damaged; a new one is begun');
    }
  }

  private schedule(delayMs: number): void {
    this.timer ??= this.deps.clock.after(delayMs, () => {
      this.timer = undefined;
      void this.commit();
    });
  }

  private commit(): Promise<void> {
    this.committing ??= this.commitNow().finally(() => {
      this.committing = undefined;
    });
    return this.committing;
  }

  private async commitNow(): Promise<void> {
    const rows = this.waiting.splice(0, COMMIT_ROWS);
    this.storing = rows.length;
    try {
      if (!this.isOpen) await this.openFile();
      if (rows.length > 0) await this.deps.file.store(batch(rows));
      this.delivered += rows.length;
      this.recovered();
    } catch (error) {
      this.isOpen &&= isBusy(error) || isBadRecord(error);
      if (isBadRecord(error)) this.dropped += rows.length;
      else this.waiting.unshift(...rows);
      this.failed(error);
    }
    this.storing = 0;
    if (this.waiting.length > 0) this.schedule(this.failure === null ? 0 : this.backoff.nextMs());
  }

  private failed(error: unknown): void {
    const cause = causeText(error);
    if (this.failure !== cause) {
      this.deps.log.error({ path: this.deps.path, cause }, 'the database cannot be written');
    }
    this.failure = cause;
  }

  private recovered(): void {
    if (this.failure !== null) this.deps.log.info('the database is written again');
    this.failure = null;
    this.backoff.reset();
  }
}

function batch(rows: readonly Row[]): { events: EventRecord[]; cameras: CameraStatus[] } {
  const newest = new Map<string, CameraStatus>();
  const events: EventRecord[] = [];
  for (const row of rows) {
    if ('event' in row) events.push(row.event);
    else newest.set(row.status.camera, row.status);
  }
  return { events, cameras: [...newest.values()] };
}
