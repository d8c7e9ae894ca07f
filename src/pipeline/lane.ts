// One camera in the scheduler: when its next frame is wanted, and why frames are passed over.
import type { Frame } from '../contracts/frame.ts';
import { type Attention, CALM } from './attention.ts';
import { FrameGrid } from './frame-grid.ts';
import type { Rhythm } from './phases.ts';

/** What is wanted of a camera; all rates in analysed frames per second. */
export interface Wish {
  /** While something moves. */
  readonly fps: number;
  /** While nothing does. */
  readonly idleFps: number;
  /** Kept before anybody gets more, when the machine cannot serve all. */
  readonly minFps: number;
  /** Weight of its lateness against that of others. */
  readonly priority: number;
  /** False: frames come when they are asked for, and not at the times that they bear. Absent: they do. */
  readonly isPaced?: boolean;
}

/** Why an offered frame was not inferred. */
export type SkipCause =
  /** Earlier than the rate asks for; its camera process may have kept it to itself for that reason. */
  | 'not_due'
  /** Nothing moved, and the heartbeat was not due. */
  | 'still'
  /** A newer frame took its place while it waited, at no loss of rate. */
  | 'replaced'
  /** It waited for its whole interval: the machine cannot serve the rate. */
  | 'overload'
  /** The camera's process ended while it waited. */
  | 'removed';

export interface ScheduleCounts {
  readonly offered: number;
  readonly taken: number;
  readonly skipped: Readonly<Record<SkipCause, number>>;
}

export const NO_SKIPS: Readonly<Record<SkipCause, number>> = {
  not_due: 0,
  still: 0,
  replaced: 0,
  overload: 0,
  removed: 0,
};

/** After the last movement the full rate goes on for this long: people pause. */
const SETTLE_MS = 1000;
/** A heartbeat may come this many of its intervals late before it goes ahead of cameras where something moves. */
const IDLE_PATIENCE = 2;

export interface LaneListener {
  /** Other frames are wanted than before: those at whole intervals from this presentation time on. */
  gridMoved(ptsMs: number): void;
  /** When frames of the other cameras arrive that are analysed. */
  others(): readonly Rhythm[];
}

/**
 * Two clocks are kept apart: presentation time (`…PtsMs`) decides which frames are wanted, and the
 * machine's (`…TakenMs`) how long the camera waits for its turn.
 */
export class Lane {
  pending: Frame | undefined;
  private readonly listener: LaneListener;
  private wish: Wish;
  private attention = CALM;
  private readonly grid = new FrameGrid();
  private movedPtsMs = Number.NEGATIVE_INFINITY;
  private takenPtsMs = Number.NEGATIVE_INFINITY;
  /** Presentation time of the first frame that waited for the turn at hand. */
  private waitingPtsMs = 0;
  private isIdle = false;
  /** Passed since the last frame taken in which nothing moved. */
  private stillMs = 0;
  private lastTakenMs = Number.NEGATIVE_INFINITY;
  private offered = 0;
  private taken = 0;
  /** Counts on for as long as the camera is there. */
  readonly skipped: Record<SkipCause, number> = { ...NO_SKIPS };

  constructor(wish: Wish, listener: LaneListener) {
    this.wish = wish;
    this.listener = listener;
  }

  setWish(wish: Wish): void {
    this.grid.changeInterval(1000 / wish.fps - 1000 / this.wish.fps);
    this.wish = wish;
  }

  attend(attention: Attention): void {
    this.attention = attention;
  }

  /** Forgets the waiting frame and what is known of the tracks: the camera's process is gone. */
  reset(): void {
    this.attention = CALM;
    this.grid.pause();
    if (this.pending === undefined) return;
    this.pending = undefined;
    this.skipped.removed += 1;
  }

  /** Returns true when the frame is now waiting to be taken. */
  offer(frame: Frame): boolean {
    const { untold = 0 } = frame;
    this.offered += 1 + untold;
    this.skipped.not_due += untold;
    const ptsMs = frame.ptsNs / 1e6;
    const stepMs = this.grid.follow(frame) ?? this.beginTimeline(ptsMs);
    this.tellGrid(this.grid.centre(this.wish.fps));
    if (frame.motion > 0) this.movedPtsMs = ptsMs;
    this.isIdle = !this.attention.isUneasy && ptsMs - this.movedPtsMs > SETTLE_MS;
    const tolerance = Math.min(this.grid.spacingMs, this.intervalMs) / 2;
    if (ptsMs < this.grid.duePtsMs - tolerance) return this.skip('not_due');
    if (this.isIdle && ptsMs < this.takenPtsMs + this.idleMs - tolerance) {
      this.stillMs += stepMs;
      return this.skip('still');
    }
    if (this.pending === undefined) this.waitingPtsMs = ptsMs;
    else if (ptsMs < this.waitingPtsMs + this.wantedMs - tolerance) this.skip('replaced');
    else {
      this.skip('overload');
      this.waitingPtsMs = ptsMs;
    }
    this.pending = frame;
    return true;
  }

  /** Takes the waiting frame, with the time told in which nothing moved before it. */
  take(nowMs: number): Frame {
    const { stillMs } = this;
    const frame = stillMs > 0 ? { ...this.pending!, stillMs } : this.pending!;
    const ptsMs = frame.ptsNs / 1e6;
    this.pending = undefined;
    this.stillMs = 0;
    this.taken += 1;
    this.lastTakenMs = nowMs;
    this.takenPtsMs = ptsMs;
    this.grid.duePtsMs = Math.max(this.grid.duePtsMs + this.intervalMs, ptsMs);
    const { isPaced = true, fps } = this.wish;
    if (isPaced) this.tellGrid(this.grid.step(nowMs, fps, this.listener.others));
    return frame;
  }

  /** How often the interval that is never to be exceeded has passed since the last turn; from 1 on it is broken. */
  owed(nowMs: number): number {
    const longestMs = this.isIdle
      ? this.idleMs * IDLE_PATIENCE
      : Math.max(1000 / this.wish.minFps, this.intervalMs);
    return this.waitedMs(nowMs) / longestMs;
  }

  /** How late the camera is in its own intervals, weighted; grows without bound, so that everybody's turn comes. */
  claim(nowMs: number): number {
    const { priority } = this.wish;
    return (this.waitedMs(nowMs) / this.wantedMs) * priority * this.attention.urgency;
  }

  /** When its analysed frames arrive; undefined: nobody knows. */
  get rhythm(): Rhythm | undefined {
    return this.wish.isPaced === false ? undefined : this.grid.rhythm(this.wish.fps);
  }

  counts(): ScheduleCounts {
    return { offered: this.offered, taken: this.taken, skipped: { ...this.skipped } };
  }

  private get intervalMs(): number {
    return 1000 / this.wish.fps;
  }

  private get idleMs(): number {
    return 1000 / Math.min(this.wish.fps, this.wish.idleFps);
  }

  /** Between two frames, as things are. */
  private get wantedMs(): number {
    return this.isIdle ? this.idleMs : this.intervalMs;
  }

  private waitedMs(nowMs: number): number {
    return Math.max(0, nowMs - this.lastTakenMs);
  }

  private tellGrid(ptsMs: number | undefined): void {
    if (ptsMs !== undefined) this.listener.gridMoved(ptsMs);
  }

  private skip(cause: SkipCause): false {
    this.skipped[cause] += 1;
    return false;
  }

  private beginTimeline(ptsMs: number): number {
    this.movedPtsMs = ptsMs;
    this.takenPtsMs = Number.NEGATIVE_INFINITY;
    this.stillMs = 0;
    return 0;
  }
}
