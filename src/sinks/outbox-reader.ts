// One receiver's view of the outbox: what comes next, and what it is done with.
import type { EventRecord } from '../contracts/event.ts';
import type { Log } from '../core/log.ts';
import { OutboxCursor } from './outbox-cursor.ts';

export interface OutboxEntry {
  /** Grows by one per entry, also over restarts. Changes once if the file could only be opened late. */
  seq: number;
  readonly event: EventRecord;
}

/** What a reader needs of the outbox behind it. */
export interface OutboxSource {
  readonly newestSeq: number;
  fromMemory(seq: number): OutboxEntry | undefined;
  fromFile(seq: number): Promise<{ entries: OutboxEntry[]; last: number }>;
  readFailed(error: unknown): void;
  settled(): void;
}

export interface ReaderCounts {
  readonly backlog: number;
  readonly delivered: number;
  readonly skipped: number;
  readonly rejected: number;
  /** Pushed out by the bounds of the outbox, or damaged on disk. */
  readonly lost: number;
}

/** One receiver's view of the outbox. The five counts add up to all it was ever due. */
export class OutboxReader {
  readonly name: string;
  private readonly outbox: OutboxSource;
  private readonly log: Log;
  private cursor = new OutboxCursor(0);
  private ahead = new Map<number, OutboxEntry>();
  private isFilling = false;
  private onMore: (() => void) | undefined;
  private counts = { delivered: 0, skipped: 0, rejected: 0, lost: 0 };

  constructor(name: string, outbox: OutboxSource, log: Log) {
    this.name = name;
    this.outbox = outbox;
    this.log = log;
  }

  /** What the file knows of this reader; what memory knew already is renumbered by `offset`. */
  begin(settledTo: number, offset: number): void {
    this.cursor = this.cursor.rebased(settledTo, offset);
  }

  get newest(): number {
    return this.outbox.newestSeq;
  }

  get settledTo(): number {
    return this.cursor.at;
  }

  get snapshot(): ReaderCounts {
    return { backlog: this.cursor.backlog(this.outbox.newestSeq), ...this.counts };
  }

  /** Called whenever `take` may have something again. */
  notify(onMore: () => void): void {
    this.onMore = onMore;
  }

  wake(): void {
    this.onMore?.();
  }

  /** The next entry, oldest first. Undefined: nothing now, `notify` will tell. */
  take(): OutboxEntry | undefined {
    const seq = this.cursor.peek(this.outbox.newestSeq);
    if (seq === undefined) return undefined;
    const entry = this.outbox.fromMemory(seq) ?? this.ahead.get(seq);
    if (entry === undefined) {
      void this.fill(seq);
      return undefined;
    }
    this.cursor.advance();
    return entry;
  }

  /** This entry is done with: delivered, of no interest to this receiver, or never acceptable to it. */
  settle(seq: number, how: 'delivered' | 'skipped' | 'rejected'): void {
    if (!this.cursor.settle(seq)) return;
    this.ahead.delete(seq);
    this.counts[how] += 1;
    this.outbox.settled();
  }

  /** Everything that was taken and not settled is handed out again. */
  rewind(): void {
    this.cursor.rewind();
  }

  skipTo(seq: number): void {
    const lost = this.cursor.skipTo(seq);
    if (lost === 0) return;
    this.counts.lost += lost;
    const { name: reader } = this;
    this.log.warn({ reader, lost }, 'the outbox is full; the oldest events are lost');
  }

  private async fill(seq: number): Promise<void> {
    if (this.isFilling) return;
    this.isFilling = true;
    try {
      const { entries, last } = await this.outbox.fromFile(seq - 1);
      this.ahead = new Map(entries.map((entry) => [entry.seq, entry]));
      for (let wanted = seq; wanted <= last; wanted++) this.expect(wanted);
      this.isFilling = false;
      this.wake();
    } catch (error) {
      this.isFilling = false;
      this.outbox.readFailed(error);
    }
  }

  private expect(seq: number): void {
    if (this.ahead.has(seq) || this.outbox.fromMemory(seq) !== undefined) return;
    if (this.cursor.settle(seq)) this.counts.lost += 1;
  }
}
