// Stage `batch`: fills batch sets with printed frames and runs each as soon as its lane is free.
import type { Frame } from '../contracts/frame.ts';
import type { Box } from '../contracts/geometry.ts';
import type { NewerFrame, Placement, PrintFailure, Ticket } from '../contracts/ticket.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { BatchSet } from '../infer/engine.ts';
import type { AskedPrint } from '../native/camera-link.ts';

/** What a camera answers to a ticket. */
export type Printed =
  | {
      readonly placement: Placement;
      readonly bytes: number;
      readonly tookUs: number;
      /** A frame came after the one asked for, and was printed. */
      readonly newer?: NewerFrame;
    }
  | { readonly refused: PrintFailure };

/** A print that a camera owes, or has refused already. */
export interface PrintJob {
  /** What a session waits for; undefined: refused. */
  readonly asked: AskedPrint | undefined;
  /** To be asked for when the session waits no more. */
  result(): Printed;
}

/** One frame of a batch that is being printed, or went through inference. */
export interface BatchEntry {
  readonly frame: Frame;
  /** The part of the frame that is inferred. */
  readonly rectangle: Box;
  readonly job: PrintJob;
}

export interface BatchDeps {
  readonly clock: Clock;
  readonly sets: readonly BatchSet[];
  readonly format: Ticket['format'];
  /** How long an incomplete batch may wait for more frames after its first one. */
  readonly maxQueueDelayMs: number;
  /** Numbers of frames with which a batch leaves as soon as no other frame waits. */
  readonly preferredSizes: readonly number[];
  /** How many cameras there are: a batch with a frame of each waits for nobody. */
  cameras(): number;
  /** Monotonic time at which inference must begin for the frame's result not to be late. */
  startByMs(frame: Frame): number;
  take(nowMs: number): Frame | undefined;
  /** Which part of a taken frame is inferred. */
  rectangleOf(frame: Frame): Box;
  order(camera: string, ticket: Ticket): PrintJob;
  /**
   * Infers the first `entries.length` positions of `set` when they are printed; the set is reused when it resolves. A lane
   * is given its next set while it works.
   */
  run(set: BatchSet, entries: readonly BatchEntry[]): Promise<void>;
}

type SetState = 'free' | 'filling' | 'running';

interface Slot {
  readonly set: BatchSet;
  state: SetState;
  entries: BatchEntry[];
  /** Monotonic; when the batch leaves, full or not. */
  leaveMs: number;
  timer: Timer | undefined;
}

/**
 * Keeps every lane busy: one set inferred, the next one printed meanwhile, nothing queued beyond.
 *
 * A batch leaves when it is full; when nothing waits and it has a preferred size or a frame of every
 * camera; `maxQueueDelayMs` after its first frame; and when waiting longer would make one of its frames
 * late. Until its lane is idle it takes more frames in. A batch that leaves is the session's, which waits for its prints
 * without asking anybody here. Frames that could not be printed leave a hole that is inferred and ignored.
 */
export class Batcher {
  private readonly deps: BatchDeps;
  private readonly slots: readonly Slot[];
  private isStopped = false;

  constructor(deps: BatchDeps) {
    this.deps = deps;
    this.slots = deps.sets.map((set) => ({
      set,
      state: 'free',
      entries: [],
      leaveMs: Number.POSITIVE_INFINITY,
      timer: undefined,
    }));
  }

  /** Takes as many frames as there is room for. Call when a frame was offered; cheap when nothing can be done. */
  pump(): void {
    while (!this.isStopped) {
      const slot = this.slotToFill();
      if (slot === undefined) return;
      const nowMs = this.deps.clock.monotonicMs();
      const frame = this.deps.take(nowMs);
      if (frame === undefined) {
        if (this.isEnough(slot)) this.leave(slot);
        return;
      }
      this.add(slot, frame, nowMs);
    }
  }

  /** Takes no more frames; what is under way still runs. */
  stop(): void {
    this.isStopped = true;
  }

  /** Resolves when nothing is under way any more. */
  async drain(): Promise<void> {
    while (this.slots.some((slot) => slot.state !== 'free')) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A lane that idles before one that works; there, a set that is being filled before a free one. */
  private slotToFill(): Slot | undefined {
    let chosen: Slot | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const slot of this.slots) {
      if (slot.state !== 'free' && slot.state !== 'filling') continue;
      const load = 2 * this.load(slot) + (slot.state === 'free' ? 1 : 0);
      if (load >= least) continue;
      chosen = slot;
      least = load;
    }
    return chosen;
  }

  /** How many other sets of this slot's lane are occupied. */
  private load(slot: Slot): number {
    let count = 0;
    for (const other of this.slots) {
      if (other === slot || other.state === 'free') continue;
      if (other.set.lane === slot.set.lane) count += 1;
    }
    return count;
  }

  private add(slot: Slot, frame: Frame, nowMs: number): void {
    const rectangle = this.deps.rectangleOf(frame);
    const job = this.deps.order(frame.camera, {
      sequence: frame.sequence,
      rectangle,
      format: this.deps.format,
      offset: slot.set.offset + slot.entries.length * slot.set.bytesPerFrame,
      orNewer: (frame.untold ?? 0) > 0,
    });
    slot.entries.push({ frame, rectangle, job });
    slot.state = 'filling';
    if (slot.entries.length === slot.set.capacity) this.run(slot);
    else
      this.leaveBy(slot, Math.min(nowMs + this.deps.maxQueueDelayMs, this.deps.startByMs(frame)));
  }

  private isEnough({ state, entries }: Slot): boolean {
    if (state !== 'filling') return false;
    const { cameras, preferredSizes } = this.deps;
    return entries.length >= cameras() || preferredSizes.includes(entries.length);
  }

  private leaveBy(slot: Slot, ms: number): void {
    if (ms >= slot.leaveMs) return;
    slot.leaveMs = ms;
    slot.timer?.cancel();
    const { clock } = this.deps;
    slot.timer = clock.after(Math.max(0, ms - clock.monotonicMs()), () => this.leave(slot));
  }

  /** A batch whose lane works stays open until that is done: more frames may still come in. */
  private leave(slot: Slot): void {
    slot.leaveMs = Number.NEGATIVE_INFINITY;
    if (!this.isLaneBusy(slot)) this.run(slot);
  }

  private isLaneBusy({ set }: Slot): boolean {
    return this.slots.some((other) => other.set.lane === set.lane && other.state === 'running');
  }

  private run(slot: Slot): void {
    slot.timer?.cancel();
    slot.timer = undefined;
    slot.state = 'running';
    void this.deps.run(slot.set, slot.entries).finally(() => this.free(slot));
  }

  private free(slot: Slot): void {
    slot.entries = [];
    slot.state = 'free';
    slot.leaveMs = Number.POSITIVE_INFINITY;
    this.pump();
    for (const other of this.slots) {
      const isRipe = other.leaveMs === Number.NEGATIVE_INFINITY;
      if (other.state === 'filling' && isRipe && other.set.lane === slot.set.lane)
        this.leave(other);
    }
  }
}
