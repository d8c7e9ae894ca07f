// Stage `batch`: fills batch sets with printed frames and runs each as soon as its lane is free.
import type { Frame } from '../contracts/frame.ts';
import { WHOLE_FRAME } from '../contracts/geometry.ts';
import type { Placement, PrintFailure, Ticket } from '../contracts/ticket.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { BatchSet } from '../infer/engine.ts';

/** What a camera answers to a ticket. */
export type Printed =
  | { readonly placement: Placement; readonly bytes: number; readonly tookUs: number }
  | { readonly refused: PrintFailure };

/** One frame of a batch that was printed and waits for, or went through, inference. */
export interface BatchEntry {
  readonly frame: Frame;
  readonly takenMs: number;
  /** Undefined when the camera could not print it. */
  placement: Placement | undefined;
}

export interface BatchDeps {
  readonly clock: Clock;
  readonly sets: readonly BatchSet[];
  readonly format: Ticket['format'];
  /** How long an incomplete batch may wait for more frames after its first one. */
  readonly maxQueueDelayMs: number;
  take(nowMs: number): Frame | undefined;
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
  deadline: Timer | undefined;
}

/**
 * Keeps every lane busy: one set inferred, the next one printed meanwhile, nothing queued beyond.
 *
 * A set closes when it is full or when `maxQueueDelayMs` passed since its first frame; a closed set
 * runs when all its prints are answered and its lane is idle. Frames that could not be printed leave a
 * hole that is inferred and ignored; a set with nothing but holes is not run.
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
      deadline: undefined,
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
      if (frame === undefined) return;
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

  /** A set that is being filled before a free one; a lane that idles before one that works. */
  private slotToFill(): Slot | undefined {
    let chosen: Slot | undefined;
    for (const slot of this.slots) {
      if (slot.state === 'filling') return slot;
      if (slot.state !== 'free') continue;
      const isBetter = chosen === undefined || this.load(slot) < this.load(chosen);
      if (isBetter) chosen = slot;
    }
    return chosen;
  }

  /** How many sets of this slot's lane are occupied. */
  private load(slot: Slot): number {
    let count = 0;
    for (const other of this.slots) {
      if (other.set.lane === slot.set.lane && other.state !== 'free') count += 1;
    }
    return count;
  }

  private add(slot: Slot, frame: Frame, nowMs: number): void {
    const position = slot.entries.length;
    const entry: BatchEntry = { frame, takenMs: nowMs, placement: undefined };
    slot.entries.push(entry);
    slot.state = 'filling';
    slot.printing += 1;
    if (slot.entries.length === slot.set.capacity) this.closeSlot(slot);
    else if (slot.deadline === undefined) {
      slot.deadline = this.deps.clock.after(this.deps.maxQueueDelayMs, () => {
        this.closeSlot(slot);
        this.runIfReady(slot);
      });
    }
    const ticket = {
      sequence: frame.sequence,
      rectangle: WHOLE_FRAME,
      format: this.deps.format,
      offset: slot.set.offset + position * slot.set.bytesPerFrame,
    };
    void this.deps.print(frame.camera, ticket).then((printed) => {
      slot.printing -= 1;
      if ('refused' in printed) this.deps.onRefused(frame, printed.refused);
      else entry.placement = printed.placement;
      this.runIfReady(slot);
    });
  }

  private closeSlot(slot: Slot): void {
    slot.deadline?.cancel();
    slot.deadline = undefined;
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
    for (const other of this.slots) {
      if (other.set.lane === slot.set.lane) this.runIfReady(other);
    }
    this.pump();
  }
}
