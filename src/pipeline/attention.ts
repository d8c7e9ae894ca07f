// What a camera's tracks say about its next frame: how much is lost if it comes late, and whether it may wait at all.
import type { Box } from '../contracts/geometry.ts';
import { iou } from '../contracts/geometry.ts';
import type { FrameTracks, Track } from '../contracts/track.ts';

export interface Attention {
  /** 1 when nothing is in doubt, towards `MOST_URGENT` where objects are lost, cross, or leap from frame to frame. */
  readonly urgency: number;
  /** Some track needs the next frame at the full rate, whether the picture moves or not. */
  readonly isUneasy: boolean;
}

export const CALM: Attention = { urgency: 1, isUneasy: false };
export const MOST_URGENT = 2;

/** Moving by this many sides of its box between two analysed frames is as doubtful as being lost. */
const DOUBTFUL_STEP = 1 / 15;
const MOST_DOUBT = 3;
/** Doubts per track at which urgency is two thirds of the way to its end. */
const MANY_DOUBTS = 0.75;
/** Sides of its box per second above which a confirmed object is not left alone: a person at a slow walk makes one. */
const MOVING_SIDES_PER_S = 0.4;
/** Two boxes that overlap by this much may swap identities when the next look comes late. */
const CROSSING_IOU = 0.15;

/**
 * Tentative tracks want to be confirmed or dropped, lost ones found or ended, fast ones met again before
 * they are out of reach, crossing ones kept apart. The mean over the tracks counts, so that a crowd has
 * no more weight than a pair. `fps`: wanted of the camera. Cost: quadratic in tracks, 0.04 ms for 100.
 */
export function attentionTo({ frame, tracks }: FrameTracks, fps: number): Attention {
  const aspect = frame.widthPx / frame.heightPx;
  let doubts = 0;
  let isUneasy = false;
  for (const track of tracks) {
    const speed = sidesPerS(track, aspect);
    if (track.phase !== 'confirmed' || speed > MOVING_SIDES_PER_S) isUneasy = true;
    const step = speed / fps;
    doubts += track.phase === 'confirmed' ? Math.min(MOST_DOUBT, step / DOUBTFUL_STEP) : 1;
  }
  const mean = (doubts + crossings(tracks)) / Math.max(1, tracks.length);
  return { urgency: 1 + (MOST_URGENT - 1) * (1 - Math.exp(-mean / MANY_DOUBTS)), isUneasy };
}

/** Speed of the centre in lengths of the longer side of the box. */
function sidesPerS({ box, velocity }: Track, aspect: number): number {
  const side = Math.max(box[2] * aspect, box[3], 1e-3);
  return Math.hypot(velocity[0] * aspect, velocity[1]) / side;
}

function crossings(tracks: readonly Track[]): number {
  const boxes: Box[] = [];
  let count = 0;
  for (const { box, phase } of tracks) {
    if (phase === 'tentative') continue;
    for (const other of boxes) if (iou(box, other) > CROSSING_IOU) count += 1;
    boxes.push(box);
  }
  return count;
}
