// Takes entries from the outbox to one receiver: in order, a few at a time, again when it did not work.
import type { EventRecord } from '../contracts/event.ts';
import { Backoff, type BackoffOptions } from '../core/backoff.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { OutboxEntry, OutboxReader } from './outbox-reader.ts';

/**
 * `skipped`: of no interest to this receiver. `rejected`: never acceptable to it. `retry`: the
 * receiver is away; `suspicion` (0..1) blames the oldest unsettled event for that, see `Delivery`.
 */
export type Outcome =
  | { readonly kind: 'delivered' | 'skipped' }
  | { readonly kind: 'rejected'; readonly cause: string }
  | {
      readonly kind: 'retry';
      readonly cause: string;
      readonly afterMs?: number;
      readonly suspicion?: number;
    };

export interface DeliveryOptions {
  readonly reader: OutboxReader;
  /** Events on their way at once. */
  readonly window: number;
  readonly backoff: BackoffOptions;
  readonly clock: Clock;
  readonly log: Log;
  /** Must not reject. */
  deliver(event: EventRecord): Promise<Outcome>;
}

/**
 * Paused until `resume`. Events that were kept while the receiver was away carry `replayed: true`.
 *
 * A message that makes the receiver hang up would come first after every reconnect, for ever.
 * So suspicion adds up against the event at the head, which after the first blame travels alone;
 * at 1 it is rejected and the next ones go.
 */
export class Delivery {
  private readonly options: DeliveryOptions;
  private readonly backoff: Backoff;
  private isPaused = true;
  /** A retry waits for what is still on its way. */
  private isBlocked = false;
  private retryTimer: Timer | undefined;
  private inFlight = 0;
  private replayTo = 0;
  private latest: OutboxEntry | undefined;
  private blame = 0;
  private aloneTo = 0;
  private suspect = { seq: 0, suspicion: 0 };
  private wasToldAway = false;
  private rejected = 0;
  private rejectedToldMs = Number.NEGATIVE_INFINITY;
  private afterMs: number | undefined;
  private idleWaiters: (() => void)[] = [];
  lastError: string | null = null;

  constructor(options: DeliveryOptions) {
    this.options = options;
    this.backoff = new Backoff(options.backoff);
    options.reader.notify(() => this.pump());
  }

  /** The receiver is there. */
  resume(): void {
    this.isPaused = false;
    this.go();
  }

  /** The receiver is gone; what is on its way settles or comes back by itself. */
  pause(): void {
    this.isPaused = true;
    this.retryTimer?.cancel();
    this.retryTimer = undefined;
    this.release();
  }

  /** Resolves when nothing is left to deliver, when the receiver is away, or after `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    if (this.isIdle) return;
    await new Promise<void>((resolve) => {
      const timer = this.options.clock.after(limitMs, resolve);
      this.idleWaiters.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  get isAway(): boolean {
    return this.isPaused || this.retryTimer !== undefined;
  }

  private get isIdle(): boolean {
    return this.isAway || (this.inFlight === 0 && this.options.reader.snapshot.backlog === 0);
  }

  private get window(): number {
    return this.options.reader.settledTo < this.aloneTo ? 1 : this.options.window;
  }

  private go(): void {
    this.retryTimer?.cancel();
    this.retryTimer = undefined;
    this.replayTo = this.options.reader.newest;
    this.pump();
  }

  private pump(): void {
    while (!this.isAway && !this.isBlocked && this.inFlight < this.window) {
      const entry = this.options.reader.take();
      if (entry === undefined) break;
      void this.send(entry);
    }
    if (this.isIdle) this.release();
  }

  private async send(entry: OutboxEntry): Promise<void> {
    this.inFlight += 1;
    this.latest = entry;
    const isReplayed = entry.seq <= this.replayTo;
    const event = isReplayed ? { ...entry.event, replayed: true } : entry.event;
    const outcome = await this.options.deliver(event);
    this.inFlight -= 1;
    this.settle(entry, outcome);
    if (this.isBlocked && this.inFlight === 0) this.unblock();
    this.pump();
  }

  private settle(entry: OutboxEntry, outcome: Outcome): void {
    const { reader } = this.options;
    if (outcome.kind === 'retry') {
      this.lastError = outcome.cause;
      this.isBlocked = true;
      this.afterMs = outcome.afterMs;
      this.blame = Math.max(this.blame, outcome.suspicion ?? 0);
      return;
    }
    if (outcome.kind === 'rejected') {
      this.lastError = outcome.cause;
      this.tellRejected(entry.event.id, outcome.cause);
    } else if (outcome.kind === 'delivered') {
      this.lastError = null;
      this.backoff.reset();
      this.tellAway(false);
    }
    reader.settle(entry.seq, outcome.kind);
  }

  private unblock(): void {
    const { reader, clock } = this.options;
    this.isBlocked = false;
    if (this.blame > 0) this.accuse(reader.settledTo + 1);
    reader.rewind();
    if (this.isPaused) return;
    const delayMs = Math.max(this.afterMs ?? 0, this.backoff.nextMs());
    this.retryTimer = clock.after(delayMs, () => this.go());
    this.tellAway(true);
    this.release();
  }

  private tellAway(isAway: boolean): void {
    if (isAway === this.wasToldAway) return;
    this.wasToldAway = isAway;
    const { log, reader } = this.options;
    const { backlog } = reader.snapshot;
    if (!isAway) log.info({ receiver: reader.name, backlog }, 'receiver is back');
    else log.warn({ receiver: reader.name, cause: this.lastError, backlog }, 'receiver is away');
  }

  private tellRejected(id: string, cause: string): void {
    const { clock, log, reader } = this.options;
    this.rejected += 1;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.rejectedToldMs < 1000) return;
    log.warn({ receiver: reader.name, id, cause, count: this.rejected }, 'event rejected');
    this.rejectedToldMs = nowMs;
    this.rejected = 0;
  }

  private accuse(head: number): void {
    const { reader, log } = this.options;
    const before = this.suspect.seq === head ? this.suspect.suspicion : 0;
    this.suspect = { seq: head, suspicion: before + this.blame };
    this.blame = 0;
    this.aloneTo = Math.max(this.aloneTo, this.latest?.seq ?? 0);
    if (this.suspect.suspicion < 1) return;
    const id = this.latest?.seq === head ? this.latest.event.id : undefined;
    log.error({ receiver: reader.name, id }, 'an event makes the receiver hang up; it is given up');
    reader.settle(head, 'rejected');
  }

  private release(): void {
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
