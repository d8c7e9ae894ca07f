// An object followed over time in one camera.
import type { Detection } from './detection.ts';
import type { Frame } from './frame.ts';
import type { Affine, Box } from './geometry.ts';

/** `tentative`: seen too little for events, counts and rules; `confirmed`; `lost`: coasting on prediction, or back and not believed yet. */
export type TrackPhase = 'tentative' | 'confirmed' | 'lost';

export interface Track {
  /** Globally unique (ULID), never reused. */
  readonly id: string;
  /** 1, 2, 3 … within one camera session, for people to read; 0 while tentative. */
  readonly trackId: number;
  readonly phase: TrackPhase;
  /** While tentative: detected so surely that overlays show it at once, before it is confirmed. */
  readonly isSure?: boolean;
  /** Winner of the votes of all its detections, weighted by score. */
  readonly label: string;
  /** Score of the newest detection. */
  readonly score: number;
  readonly topScore: number;
  /** Fractions of the frame; where it is now, predicted while lost. */
  readonly box: Box;
  /** Frame fractions per second of the box centre. */
  readonly velocity: readonly [vx: number, vy: number];
  /** Detections that were matched to it. */
  readonly hits: number;
  /** Capture time of its first and newest detection, milliseconds since 1970. */
  readonly firstMs: number;
  readonly lastMs: number;
  readonly lastPtsNs: number;
}

export interface FrameTracks {
  readonly frame: Frame;
  /** Tentative, confirmed and lost ones. */
  readonly tracks: readonly Track[];
  /** Confirmed ones that ended with this frame. */
  readonly ended: readonly Track[];
}

/** What is known of a frame besides what was detected in it. */
export interface FrameView {
  /** How points of the frame before moved because the camera did; absent: what the frames' `cameraShift` says. */
  readonly cameraMotion?: Affine | undefined;
  /** The part of the frame that was inferred; absent: all of it. Nobody was looked for outside. */
  readonly region?: Box | undefined;
}

/** One tracker follows one camera session. Feed it every inferred frame in order. */
export interface Tracker {
  update(frame: Frame, detections: readonly Detection[], view?: FrameView): FrameTracks;
  /** Ends everything (camera gone, session over) and returns what was confirmed. */
  finish(): readonly Track[];
}
