// What a model found in one frame.
import type { Frame } from './frame.ts';
import type { Box } from './geometry.ts';

export interface Detection {
  /** Fractions of the whole frame, also when only a region of it was inferred. */
  readonly box: Box;
  /** 0..1 */
  readonly score: number;
  readonly label: string;
  /** Re-identification vector of unit length, where a cascade made one. */
  readonly embedding?: Float32Array;
}

export interface FrameDetections {
  readonly frame: Frame;
  /** In falling order of score. */
  readonly detections: readonly Detection[];
  /** The part of the frame that was inferred; absent: all of it. */
  readonly region?: Box;
  /** Monotonic milliseconds at which inference delivered them. */
  readonly inferredMs: number;
}
