// How much time passed between two frames of a session, whatever happens to clocks and timestamps.
import type { Frame } from '../contracts/frame.ts';

const LONGEST_STEP_MS = 1000;
const JUMP_FACTOR = 8;
const FIRST_GUESS_MS = 1000 / 30;

/**
 * Measures steps on the stream's own timeline, which neither a clock that is set nor a slow network
 * touches. Where that timeline goes back or leaps (a camera that restarts its counter), the monotonic
 * arrival time decides. The wall clock of the capture is never asked.
 */
export class FrameInterval {
  /** Smoothed step, without the time in which nothing moved. */
  typicalMs: number = FIRST_GUESS_MS;
  private previous: Frame | undefined;
  private steps = 0;

  /** Milliseconds since the frame before, more than 0; 0 for the first of a session. */
  step(frame: Frame): number {
    const { previous } = this;
    this.previous = frame;
    if (previous === undefined || previous.session !== frame.session) return 0;
    const streamMs = (frame.ptsNs - previous.ptsNs) / 1e6;
    const arrivalMs = frame.arrivedMs - previous.arrivedMs;
    const leapMs = Math.max(LONGEST_STEP_MS, JUMP_FACTOR * this.typicalMs);
    const stillMs = frame.stillMs ?? 0;
    const leapt = streamMs - stillMs > leapMs && arrivalMs < streamMs / 2;
    let stepMs = streamMs;
    if (!(streamMs > 0) || leapt) stepMs = arrivalMs > 0 ? arrivalMs : this.typicalMs;
    this.steps += 1;
    const movingMs = Math.max(0, stepMs - stillMs);
    if (this.steps === 1) this.typicalMs = Math.min(movingMs, LONGEST_STEP_MS);
    else this.typicalMs += (Math.min(movingMs, 4 * this.typicalMs) - this.typicalMs) * 0.2;
    return stepMs;
  }
}
