// One camera in the scheduler: when its next frame is wanted, and why frames are passed over.
import type { Frame } from '../contracts/frame.ts';
import { type Attention, CALM } from './attention.ts';
import { noticeEveryMs } from './frame-rate.ts';

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

/** A step in presentation time beyond this, or backwards, is a new timeline. */
const MAX_STEP_MS = 5000;
/** After the last movement the full rate goes on for this long: people pause. */
const SETTLE_MS = 1000;
/** Intervals of 1.6 spacings, 3.6, 5.6 … are the first that go around a key frame by one frame, two, three: none is common. */
const ROUND_UP = 0.2;
/** A heartbeat may come this many of its intervals late before it goes ahead of cameras where something moves. */
const IDLE_PATIENCE = 2;

/**
 * Two clocks are kept apart: presentation time (`…PtsMs`) decides which frames are wanted, and the
 * machine's (`…TakenMs`) how long the camera waits for its turn.
 */
export class Lane {
  pending: Frame | undefined;
  private wish: Wish;
  private attention = CALM;
  private session = '';
  /** Presentation time of the next frame that is wanted; moves on by whole intervals, so the mean rate is exact. */
  private duePtsMs = 0;
  /** Smoothed spacing of the offered frames' presentation times. */
  private spacingMs = 0;
  private lastPtsMs = 0;
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

  constructor(wish: Wish) {
    this.wish = wish;
  }

  setWish(wish: Wish): void {
    this.duePtsMs += 1000 / wish.fps - 1000 / this.wish.fps;
    this.wish = wish;
  }

  attend(attention: Attention): void {
    this.attention = attention;
  }

  /** Forgets the waiting frame and what is known of the tracks: the camera's process is gone. */
  reset(): void {
    this.attention = CALM;
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
    const stepMs = this.followTimeline(frame.session, ptsMs);
    if (frame.motion > 0) this.movedPtsMs = ptsMs;
    this.isIdle = !this.attention.isUneasy && ptsMs - this.movedPtsMs > SETTLE_MS;
    const tolerance = Math.min(this.spacingMs, this.intervalMs) / 2;
    if (ptsMs < this.duePtsMs - tolerance) return this.skip('not_due');
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
    this.duePtsMs = Math.max(this.duePtsMs + this.intervalMs, ptsMs);
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

  private skip(cause: SkipCause): false {
    this.skipped[cause] += 1;
    return false;
  }

  /**
   * Keeps the spacing, and starts anew where presentation time does. Returns the step since the frame before.
   *
   * A stream begins with a key frame, which takes several times as long as others to arrive and to be decoded, and mostly one comes
   * every so many intervals: the grid lies half an interval before them, in whole frames. `NoticePace` (native/gst) does the same.
   */
  private followTimeline(session: string, ptsMs: number): number {
    const stepMs = ptsMs - this.lastPtsMs;
    const isNew = session !== this.session || stepMs < 0 || stepMs > MAX_STEP_MS;
    this.session = session;
    this.lastPtsMs = ptsMs;
    if (!isNew) {
      if (this.spacingMs === 0) this.duePtsMs -= framesAround(this.wish.fps, stepMs) * stepMs;
      this.spacingMs += (stepMs - this.spacingMs) * (this.spacingMs === 0 ? 1 : 0.1);
      return stepMs;
    }
    this.duePtsMs = ptsMs;
    this.spacingMs = 0;
    this.movedPtsMs = ptsMs;
    this.takenPtsMs = Number.NEGATIVE_INFINITY;
    this.stillMs = 0;
    return 0;
  }
}

/** How many frames half an interval of notices is. */
function framesAround(fps: number, spacingMs: number): number {
  return spacingMs > 0 ? Math.floor(noticeEveryMs(fps) / spacingMs / 2 + ROUND_UP) : 0;
}
