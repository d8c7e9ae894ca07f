// What the agent knows of a decoded frame: never its pixels.
import type { Box } from './geometry.ts';

/** `rtcp`: from the camera's sender reports; `host`: when this machine received it. */
export type CaptureClock = 'rtcp' | 'host';

/** A place where something else is background than before, and nothing moves any more. */
export interface BackgroundChange {
  /** Fractions of the frame. */
  readonly box: Box;
  /** In the stream's own time, since the oldest part of it came to rest: at least ten seconds. */
  readonly ageMs: number;
  /** Something came, or something is gone; absent where the picture does not tell. */
  readonly kind?: 'came' | 'went';
}

export interface Frame {
  readonly camera: string;
  /** One run of a camera process; sequences start anew with each. */
  readonly session: string;
  /** 1, 2, 3 … in decode order within the session; gaps are frames the decoder lost. */
  readonly sequence: number;
  /** Presentation time in the stream's own timeline, nanoseconds. */
  readonly ptsNs: number;
  /** Wall clock of the capture, milliseconds since 1970. */
  readonly captureMs: number;
  readonly captureClock: CaptureClock;
  /** Monotonic milliseconds (agent clock) at which the notice arrived. */
  readonly arrivedMs: number;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Share of the picture that moves, 0..1; 1 when nobody measured it. */
  readonly motion: number;
  /** Fractions of the frame: at most 8 rectangles around what moves; absent when nobody measured it. */
  readonly motionBoxes?: readonly Box[];
  /** At most 8, for an hour; absent when nobody watches. */
  readonly backgroundChanges?: readonly BackgroundChange[];
  /**
   * How far the picture moved right and down because the camera did, in pictures, since the session began: only the
   * difference of two frames means something. Absent while the camera has never moved, and when nobody measured it.
   */
  readonly cameraShift?: readonly [x: number, y: number];
  /** Decoded frames since the one told of before: the agent did not want to hear of them, or was slow to; absent: none. */
  readonly untold?: number;
  /** Milliseconds since the frame inferred before in which nothing moved and so nothing was inferred; absent: none. */
  readonly stillMs?: number;
}
