// The grid in a stream's own time on which the frames of a camera lie that are analysed, and how it is placed.
import type { Frame } from '../contracts/frame.ts';
import { noticeEveryMs } from './frame-rate.ts';
import { foldMs, freeShiftsMs, middleOf, type Rhythm, stepAside } from './phases.ts';

/** A step in presentation time beyond this, or backwards, is a new timeline. */
const MAX_STEP_MS = 5000;
/** Between two frames, presentation time and the machine's clock differ by less where it is still the same timeline. */
const SAME_TIMELINE_MS = 1000;
/** The mean delay is one of about so many frames, of which none counts as later than that: it may be late for many reasons. */
const MEAN_OF = 50;
const MOST_LATE_MS = 10;
/** Earlier than the mean by more: the stream has caught up. */
const CAUGHT_UP_MS = 20;
/** Until then frames come as they can. */
const SETTLED_AFTER_MS = 1000;
/** Clocks of cameras that differ by 50 ppm part by half a millisecond in this time. */
const LONGEST_REST_MS = 10_000;

export class FrameGrid {
  /** Presentation time of the next frame that is wanted; moves on by whole intervals, so the mean rate is exact. */
  duePtsMs = 0;
  /** Smoothed spacing of the offered frames' presentation times. */
  spacingMs = 0;
  private session = '';
  private lastPtsMs = 0;
  private lastArrivedMs = 0;
  /** The place of key frames: a stream begins with one, and mostly one comes every so many intervals. */
  private keyPtsMs = 0;
  /** Smoothed spacing of the decoded frames. */
  private frameMs = 0;
  /** From presentation to arrival in the mean; undefined while nothing comes. */
  private delayMs: number | undefined;
  /** Of so many frames, at most `MEAN_OF`. */
  private delays = 0;
  private begunMs = 0;
  private isPlaced = false;
  private restUntilMs = 0;

  /** Takes notice of a frame. Returns the step since the one before; undefined: a new timeline begins. */
  follow({ session, ptsNs, arrivedMs, untold = 0 }: Frame): number | undefined {
    const ptsMs = ptsNs / 1e6;
    const stepMs = ptsMs - this.lastPtsMs;
    const isSame = session === this.session && stepMs >= 0;
    const isNew = !isSame || stepMs > MAX_STEP_MS;
    if (isNew) {
      // A gap in the same timeline leaves key frames where they are, and camera processes tell of other frames by then.
      const gapMs = Math.abs(arrivedMs - this.lastArrivedMs - stepMs);
      if (!isSame || gapMs > SAME_TIMELINE_MS) this.keyPtsMs = ptsMs;
      this.begin(ptsMs, arrivedMs);
    } else {
      this.spacingMs += (stepMs - this.spacingMs) * (this.spacingMs === 0 ? 1 : 0.1);
      // Longer ones are gaps.
      const frameMs = Math.min(stepMs / (1 + untold), 2 * this.frameMs || Number.POSITIVE_INFINITY);
      this.frameMs += (frameMs - this.frameMs) * (this.frameMs === 0 ? 1 : 0.1);
    }
    this.followDelay(arrivedMs - ptsMs);
    this.session = session;
    this.lastPtsMs = ptsMs;
    this.lastArrivedMs = arrivedMs;
    return isNew ? undefined : stepMs;
  }

  /** Nothing comes any more, as far as others are concerned. */
  pause(): void {
    this.delayMs = undefined;
  }

  /** Keeps the frame taken last, and goes on with another interval. */
  changeInterval(byMs: number): void {
    this.duePtsMs += byMs;
    if (byMs !== 0) this.restUntilMs = 0;
  }

  rhythm(fps: number): Rhythm | undefined {
    if (this.delayMs === undefined || this.frameMs === 0) return undefined;
    return { intervalMs: 1000 / fps, atMs: this.duePtsMs + this.delayMs };
  }

  /**
   * Once it is known how far frames are apart: puts the grid between key frames. Returns where in presentation time it lies,
   * when it was moved: the camera process is to tell of the frames there.
   */
  centre(fps: number): number | undefined {
    if (this.isPlaced || this.frameMs === 0) return undefined;
    const stepsMs = this.stepsMs(fps);
    if (stepsMs.length === 0) return undefined;
    this.isPlaced = true;
    this.restUntilMs = this.begunMs + SETTLED_AFTER_MS;
    this.duePtsMs += middleOf(stepsMs);
    return this.duePtsMs;
  }

  /**
   * From the second second of a timeline on, and ever more seldom: moves the grid by at most half an interval to where the
   * frames of `others` are far. Call when a frame was taken, before the next one is due. Returns what `centre` does.
   */
  step(nowMs: number, fps: number, others: () => readonly Rhythm[]): number | undefined {
    const mine = this.rhythm(fps);
    if (!this.isPlaced || mine === undefined || nowMs < this.restUntilMs) return undefined;
    this.restUntilMs = nowMs + Math.min(LONGEST_REST_MS, nowMs - this.begunMs);
    const stepsMs = this.stepsMs(fps);
    if (stepsMs.length === 0) return undefined;
    const isFree = stepsMs.some((ms) => Math.abs(ms) < this.frameMs / 2);
    const stepMs = stepAside(mine, stepsMs, others(), isFree);
    if (stepMs === 0) return undefined;
    this.duePtsMs += stepMs;
    if (this.duePtsMs <= this.lastPtsMs) this.duePtsMs += noticeEveryMs(fps);
    return this.duePtsMs;
  }

  /** To each place where analysed frames may lie. */
  private stepsMs(fps: number): number[] {
    const everyMs = noticeEveryMs(fps);
    return freeShiftsMs(everyMs, this.frameMs).map((shiftMs) =>
      foldMs(this.keyPtsMs + shiftMs - this.duePtsMs, everyMs),
    );
  }

  private followDelay(delayMs: number): void {
    const moreMs = delayMs - (this.delayMs ?? Number.POSITIVE_INFINITY);
    if (moreMs < -CAUGHT_UP_MS) {
      this.delayMs = delayMs;
      this.delays = 1;
    } else {
      this.delays = Math.min(MEAN_OF, this.delays + 1);
      this.delayMs! += Math.min(moreMs, MOST_LATE_MS) / this.delays;
    }
  }

  private begin(ptsMs: number, arrivedMs: number): void {
    this.duePtsMs = ptsMs;
    this.spacingMs = 0;
    this.frameMs = 0;
    this.delayMs = undefined;
    this.begunMs = arrivedMs;
    this.isPlaced = false;
  }
}
