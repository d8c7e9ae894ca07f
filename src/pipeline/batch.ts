// Stage `batch`: fills batch sets with printed frames and runs each as soon as its lane is free.
import type { Frame } from '../contracts/frame.ts';
import type { Box } from '../contracts/geometry.ts';
import type { NewerFrame, Placement, PrintFailure, Ticket } from '../contracts/ticket.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { BatchSet } from '../infer/engine.ts';

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

/** One frame of a batch that was printed and waits for, or went through, inference. */
export interface BatchEntry {
  /** As the scheduler gave it. */
  readonly taken: Frame;
  /** What was printed: the frame taken, or a newer one. */
  frame: Frame;
  readonly takenMs: number;
  /** The part of the frame that is inferred. */
  readonly rectangle: Box;
  /** Undefined when the camera could not print it. */
  placement: Placement | undefined;
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
  print(camera: string, ticket: Omit<Ticket, 'id'>): Promise<Printed>;
  /** Infers the first `entries.length` positions of `set`; the set is reused when it resolves. */
  run(set: BatchSet, entries: readonly BatchEntry[]): Promise<void>;
  /** A frame that was taken and could not be printed. */
  onRefused(frame: Frame, cause: PrintFailure): void;
}

type SetState = 'free' | 'filling' | 'closed' | 'running';

interface Slot {
  readonly set: BatchSet;
  state: SetState;
  entries: BatchEntry[];
  printing: number;
  /** Monotonic; when the batch leaves, full or not. */
  leaveMs: number;
  timer: Timer | undefined;
}

/**
 * Keeps every lane busy: one set inferred, the next one printed meanwhile, nothing queued beyond.
 *
 * A batch leaves when it is full; when nothing waits and it has a preferred size or a frame of every
 * camera; `maxQueueDelayMs` after its first frame; and when waiting longer would make one of its frames
 * late. Until its lane is idle it takes more frames in, then its set is closed and runs when all prints
 * are answered. Frames that could not be printed leave a hole that is inferred and ignored; a set with
 * nothing but holes is not run.
 */
export class Batcher {
  private readonly deps: BatchDeps;
  private readonly slots: readonly Slot[];
  private readonly isLaneBusy: boolean[];
  private isStopped = false;

  constructor(deps: BatchDeps) {
    this.deps = deps;
    this.slots = deps.sets.map((set) => ({
      set,
      state: 'free',
      entries: [],
      printing: 0,
      leaveMs: Number.POSITIVE_INFINITY,
      timer: undefined,
    }));
    this.isLaneBusy = deps.sets.map(() => false);
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
    const position = slot.entries.length;
    const entry: BatchEntry = {
      taken: frame,
      frame,
      takenMs: nowMs,
      rectangle: this.deps.rectangleOf(frame),
      placement: undefined,
    };
    slot.entries.push(entry);
    slot.state = 'filling';
    slot.printing += 1;
    if (slot.entries.length === slot.set.capacity) this.close(slot);
    else
      this.leaveBy(slot, Math.min(nowMs + this.deps.maxQueueDelayMs, this.deps.startByMs(frame)));
    const ticket = {
      sequence: frame.sequence,
      rectangle: entry.rectangle,
      format: this.deps.format,
      offset: slot.set.offset + position * slot.set.bytesPerFrame,
      orNewer: (frame.untold ?? 0) > 0,
    };
    void this.deps.print(frame.camera, ticket).then((printed) => {
      slot.printing -= 1;
      if ('refused' in printed) this.deps.onRefused(frame, printed.refused);
      else {
        entry.placement = printed.placement;
        if (printed.newer) entry.frame = this.asPrinted(frame, printed.newer);
      }
      this.runIfReady(slot);
    });
  }

  private asPrinted(frame: Frame, { sequence, ptsNs, captureMs }: NewerFrame): Frame {
    return { ...frame, sequence, ptsNs, captureMs, arrivedMs: this.deps.clock.monotonicMs() };
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
    if (this.isLaneBusy[slot.set.lane]) return;
    this.close(slot);
    this.runIfReady(slot);
  }

  private close(slot: Slot): void {
    slot.timer?.cancel();
    slot.timer = undefined;
    slot.state = 'closed';
  }

  private runIfReady(slot: Slot): void {
    const lane = slot.set.lane;
    if (slot.state !== 'closed' || slot.printing > 0 || this.isLaneBusy[lane]) return;
    if (slot.entries.every((entry) => entry.placement === undefined)) {
      this.free(slot);
      return;
    }
    slot.state = 'running';
    this.isLaneBusy[lane] = true;
    void this.deps.run(slot.set, slot.entries).finally(() => {
      this.isLaneBusy[lane] = false;
      this.free(slot);
    });
  }

  private free(slot: Slot): void {
    slot.entries = [];
    slot.state = 'free';
    slot.leaveMs = Number.POSITIVE_INFINITY;
    const { lane } = slot.set;
    const others = this.slots.filter((other) => other.set.lane === lane && other !== slot);
    for (const other of others) this.runIfReady(other);
    this.pump();
    for (const other of others) {
      const isRipe = other.leaveMs === Number.NEGATIVE_INFINITY;
      if (other.state === 'filling' && isRipe && !this.isLaneBusy[lane]) this.leave(other);
    }
  }
}
