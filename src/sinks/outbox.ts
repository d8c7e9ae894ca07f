// The outbox: events on their way to receivers that acknowledge, kept on disk while a receiver is away.
import type { EventRecord } from '../contracts/event.ts';
import type { Sink, SinkHealth, SinkRecord } from '../contracts/sink.ts';
import { Backoff } from '../core/backoff.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { type OutboxEntry, OutboxReader, type OutboxSource } from './outbox-reader.ts';
import type { RemoteOutbox } from './store.ts';
import { isBusy, needsOperator } from './store-errors.ts';

export interface OutboxOptions {
  readonly path: string;
  /** Every receiver by a name that stays the same over restarts. */
  readonly readers: readonly string[];
  readonly file: RemoteOutbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxRows?: number;
  readonly maxBytes?: number;
  /** Entries wait this long for others before they are committed together. */
  readonly commitMs?: number;
}

interface Pending extends OutboxEntry {
  readonly body: string;
}

/** About a day of a busy camera, and what a small disk can spare. */
const MAX_ROWS = 500_000;
const MAX_BYTES = 512 * 1024 * 1024;
/** Long enough that a receiver on the same network answers first, and then nothing is written at all. */
const COMMIT_MS = 50;
/** Cursors alone may wait: losing them only means sending again. */
const CURSOR_COMMIT_MS = 1000;
/** Kept in memory: newest entries for readers that keep up, and all that the disk refuses. */
const MEMORY_ENTRIES = 500;
const MEMORY_LIMIT = 20_000;
/** Events are about 1 kB; one of this size is a defect, and some brokers would refuse it. */
const MAX_EVENT_BYTES = 64 * 1024;
const COMMIT_ROWS = 1000;
const READ_ROWS = 256;
const VACUUM_MS = 60_000;
const RETRY = { firstMs: 500, maxMs: 5000 };

/**
 * One log of entries, one cursor per reader. An entry is gone once every reader has settled it;
 * beyond `maxRows` or `maxBytes` the oldest go, and each reader that missed one counts it.
 *
 * An entry is safe from a crash when its commit is done, `commitMs` and one fsync after `write`;
 * delivery does not wait for that. Delivery is at least once: consumers tell repeats by the event's id.
 * While the disk fails, the newest entries stay in memory and are still delivered.
 */
export class Outbox implements Sink, OutboxSource {
  readonly name = 'outbox';
  private readonly options: OutboxOptions;
  private readonly readers = new Map<string, OutboxReader>();
  private readonly backoff = new Backoff(RETRY);
  /** Contiguous, up to `newest`. */
  private memory: Pending[] = [];
  private newest = 0;
  private committed = 0;
  /** The newest number in the file, and up to where its rows were freed. */
  private stored = 0;
  private freed = 0;
  private isOpen = false;
  private hasBegun = false;
  private timer: { readonly timer: Timer; readonly dueMs: number } | undefined;
  private vacuumTimer: Timer | undefined;
  private committing: Promise<void> | undefined;
  private accepted = 0;
  private refused = 0;
  private failure: string | null = null;

  constructor(options: OutboxOptions) {
    this.options = options;
    for (const name of options.readers) {
      this.readers.set(name, new OutboxReader(name, this, options.log));
    }
  }

  /**
   * Throws STORE_UNAVAILABLE for what waiting cannot mend, a second agent on the same file included;
   * a full or failing disk is tried again.
   */
  async open(): Promise<void> {
    try {
      await this.openFile();
    } catch (error) {
      const cause = isBusy(error) ? 'another process has it open' : causeText(error);
      if (needsOperator(error) || isBusy(error)) {
        throw new AgentError('STORE_UNAVAILABLE', { path: this.options.path, cause }, error);
      }
      this.failed(error);
    }
    this.vacuumTimer = this.options.clock.every(VACUUM_MS, () => {
      if (this.isOpen) this.options.file.vacuum().catch((error) => this.failed(error));
    });
  }

  write(records: readonly SinkRecord[]): void {
    for (const record of records) if (record.kind === 'event') this.append(record.event);
  }

  /** Resolves when everything accepted is on disk or with its receivers. */
  async flush(limitMs: number): Promise<void> {
    const { clock } = this.options;
    const endMs = clock.monotonicMs() + limitMs;
    while (this.unsafe > 0 && this.failure === null && clock.monotonicMs() < endMs) {
      await this.commit();
    }
  }

  async close(): Promise<void> {
    await this.committing;
    if (this.isOpen) await this.commit();
    this.timer?.timer.cancel();
    this.vacuumTimer?.cancel();
    this.isOpen = false;
    await this.options.file.close();
  }

  health(): SinkHealth {
    return {
      state: this.failure === null ? 'ok' : 'degraded',
      backlog: this.unsafe,
      delivered: this.accepted - this.unsafe,
      dropped: this.refused,
      lastError: this.failure,
    };
  }

  reader(name: string): OutboxReader {
    const reader = this.readers.get(name);
    if (reader === undefined) throw new AgentError('DEFECT', { cause: `no outbox reader ${name}` });
    return reader;
  }

  get newestSeq(): number {
    return this.newest;
  }

  /** The entry from memory, or undefined when it must be read from the file. */
  fromMemory(seq: number): OutboxEntry | undefined {
    const first = this.memory[0]?.seq ?? 0;
    return seq >= first ? this.memory[seq - first] : undefined;
  }

  /** At most 256 entries after `seq`, oldest first. What is missing of `seq + 1 … last` was damaged. */
  async fromFile(seq: number): Promise<{ entries: OutboxEntry[]; last: number }> {
    const { rows, last } = await this.options.file.read(seq, READ_ROWS);
    const entries = rows.map((row) => ({
      seq: row.seq,
      event: JSON.parse(row.body) as EventRecord,
    }));
    return { entries, last: last ?? (this.memory[0]?.seq ?? this.newest + 1) - 1 };
  }

  /** The file did not answer: it is reopened, and readers are told when it is back. */
  readFailed(error: unknown): void {
    this.isOpen = false;
    this.failed(error);
    this.schedule(this.backoff.nextMs());
  }

  /** A reader settled something. */
  settled(): void {
    this.forgetDelivered();
    this.schedule(CURSOR_COMMIT_MS);
  }

  private append(event: EventRecord): void {
    const body = JSON.stringify(event);
    if (Buffer.byteLength(body) > MAX_EVENT_BYTES || this.readers.size === 0) {
      this.refused += 1;
      return;
    }
    this.accepted += 1;
    this.newest += 1;
    this.memory.push({ seq: this.newest, event, body });
    if (this.memory.length > MEMORY_LIMIT) this.shrink();
    this.schedule(this.options.commitMs ?? COMMIT_MS);
    for (const reader of this.readers.values()) reader.wake();
  }

  private async openFile(): Promise<void> {
    const { file, path, readers, maxRows, maxBytes, clock, log } = this.options;
    const state = await file.open({
      path,
      readers,
      maxRows: maxRows ?? MAX_ROWS,
      maxBytes: maxBytes ?? MAX_BYTES,
      wallMs: clock.wallMs(),
    });
    const { movedAside, salvaged } = state;
    if (movedAside !== undefined) {
      log.error({ path, movedAside, salvaged }, 'the outbox was damaged; a new one is begun');
    }
    if (!this.hasBegun) this.begin(state.lastSeq, state.cursors);
    this.committed = Math.min(this.committed, state.lastSeq);
    this.stored = state.lastSeq;
    this.freed = 0;
    this.isOpen = true;
  }

  /** Puts what was accepted before the file could be opened behind what the file holds. */
  private begin(lastSeq: number, cursors: Readonly<Record<string, number>>): void {
    this.hasBegun = true;
    this.newest += lastSeq;
    this.committed = lastSeq;
    for (const entry of this.memory) entry.seq += lastSeq;
    for (const [name, reader] of this.readers) reader.begin(cursors[name] ?? lastSeq, lastSeq);
  }

  /** Entries that neither the disk nor every reader has. */
  private get unsafe(): number {
    return this.newest - Math.max(this.committed, this.lowest);
  }

  private get lowest(): number {
    return Math.min(this.newest, ...[...this.readers.values()].map((reader) => reader.settledTo));
  }

  private schedule(delayMs: number): void {
    const dueMs = this.options.clock.monotonicMs() + delayMs;
    if (this.timer !== undefined && this.timer.dueMs <= dueMs) return;
    this.timer?.timer.cancel();
    const timer = this.options.clock.after(delayMs, () => {
      this.timer = undefined;
      void this.commit();
    });
    this.timer = { timer, dueMs };
  }

  private commit(): Promise<void> {
    this.committing ??= this.commitNow().finally(() => {
      this.committing = undefined;
    });
    return this.committing;
  }

  private async commitNow(): Promise<void> {
    try {
      if (!this.isOpen) await this.openFile();
      const from = Math.max(this.committed, this.lowest);
      const rows = this.memory.filter(({ seq }) => seq > from).slice(0, COMMIT_ROWS);
      if (rows.length > 0 || this.stored > this.freed) await this.store(rows);
      this.committed = rows.at(-1)?.seq ?? Math.max(this.committed, from);
      this.recovered();
    } catch (error) {
      this.isOpen = false;
      this.failed(error);
    }
    this.forgetDelivered();
    if (this.unsafe > 0) this.schedule(this.failure === null ? 0 : this.backoff.nextMs());
  }

  /** The only write. Without rows to add or to free there is none: receivers that keep up cost no disk. */
  private async store(rows: readonly Pending[]): Promise<void> {
    const { lowest } = this;
    const cursors = [...this.readers].map(([name, reader]) => [name, reader.settledTo]);
    const { trimmedTo } = await this.options.file.commit({
      rows: rows.map(({ seq, body }) => ({ seq, body })),
      cursors: Object.fromEntries(cursors),
    });
    this.stored = rows.at(-1)?.seq ?? this.stored;
    this.freed = lowest;
    if (trimmedTo > 0) this.giveUp(trimmedTo);
  }

  /** Frees memory of what every reader has settled, and of old entries that are safe on disk. */
  private forgetDelivered(): void {
    const { lowest } = this;
    const isSurplus = (index: number) => this.memory.length - index > MEMORY_ENTRIES;
    let count = 0;
    for (const { seq } of this.memory) {
      if (seq > lowest && !(seq <= this.committed && isSurplus(count))) break;
      count += 1;
    }
    if (count > 0) this.memory.splice(0, count);
  }

  private shrink(): void {
    this.forgetDelivered();
    if (this.memory.length > MEMORY_LIMIT) this.giveUp(this.memory[MEMORY_ENTRIES]!.seq);
  }

  /** The oldest entries go; readers that had not settled them lose them. */
  private giveUp(upTo: number): void {
    for (const reader of this.readers.values()) reader.skipTo(upTo);
    this.forgetDelivered();
  }

  private failed(error: unknown): void {
    const cause = causeText(error);
    if (this.failure !== cause) {
      const { path } = this.options;
      this.options.log.error(
        { path, cause },
        'the outbox cannot be written; events stay in memory',
      );
    }
    this.failure = cause;
  }

  private recovered(): void {
    if (this.failure !== null) {
      this.options.log.info({ path: this.options.path }, 'the outbox is written again');
    }
    const wasFailing = this.failure !== null;
    this.failure = null;
    this.backoff.reset();
    if (wasFailing) for (const reader of this.readers.values()) reader.wake();
  }
}
