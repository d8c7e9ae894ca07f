// How fast frames really come: what a camera says about itself is often wrong.

const WINDOW_MS = 5000;
const SMOOTHING = 0.1;
const LEAST_SILENCE_MS = 3000;
const SILENT_INTERVALS = 10;
/** Frames are told of at least this often, wanted or not: whoever watches must see that they come. */
const MOST_SILENT_NOTICE_MS = 1000;

interface Arrival {
  readonly atMs: number;
  readonly sequence: number;
}

/** How far apart notices may be when `fps` frames per second are wanted: their interval, or the whole part of it below a second. */
export function noticeEveryMs(fps: number): number {
  const intervalMs = 1000 / fps;
  return intervalMs / Math.ceil(intervalMs / MOST_SILENT_NOTICE_MS);
}

export class FrameRate {
  private readonly recent: Arrival[] = [];
  private intervalMs: number | undefined;

  /** Sequences count decoded frames from 1: those not told of are seen as well. Returns how many came since the last call. */
  add(sequence: number, atMs: number): number {
    const last = this.recent.at(-1);
    if (last !== undefined && sequence > last.sequence) {
      const intervalMs = (atMs - last.atMs) / (sequence - last.sequence);
      this.intervalMs = (this.intervalMs ?? intervalMs) * (1 - SMOOTHING) + intervalMs * SMOOTHING;
    }
    this.recent.push({ atMs, sequence });
    while (this.recent.length > 2 && atMs - (this.recent[0]?.atMs ?? atMs) > WINDOW_MS) {
      this.recent.shift();
    }
    return Math.max(1, sequence - (last?.sequence ?? 0));
  }

  /** Decoded frames per second over the last five seconds; 0 when none came in them. */
  fps(nowMs: number): number {
    const first = this.recent[0];
    const last = this.recent.at(-1);
    if (first === undefined || last === undefined || nowMs - last.atMs > WINDOW_MS) return 0;
    const spanMs = last.atMs - first.atMs;
    return spanMs > 0 ? ((last.sequence - first.sequence) * 1000) / spanMs : 0;
  }

  /** Silence that is no pause between two frames any more; undefined until two frames were seen. */
  get stallAfterMs(): number | undefined {
    if (this.intervalMs === undefined) return undefined;
    return Math.max(LEAST_SILENCE_MS, SILENT_INTERVALS * this.intervalMs);
  }
}
