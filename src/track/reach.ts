// Objects that moved so far between two frames that their boxes do not overlap any more.
import type { Tracklet } from './tracklet.ts';

// How far an object may move, in lengths of the longer side of its box: 3.5 m/s for people on foot, 9 m/s for cars.
const SIDES_PER_S = 2;
const MOST_SIDES = 1;
// Between two frames a box may grow or shrink by this factor in height.
const SIZE_FACTOR = 1.35;

/**
 * 1 where the detection lies exactly where the track is expected, 0 at the end of its reach and beyond.
 *
 * At 5 frames/s somebody who crosses the picture on foot moves by more than half a box width per frame:
 * too far for overlap, which is all that is known of a new track. At 30 frames/s the reach is less than
 * what overlap allows, and nothing changes.
 */
export function reachBenefit(tracklet: Tracklet, corners: Float64Array, at: number): number {
  const { expected } = tracklet;
  const height = expected[3]! - expected[1]!;
  const width = expected[2]! - expected[0]!;
  const ratio = (corners[at + 3]! - corners[at + 1]!) / height;
  if (ratio > SIZE_FACTOR || ratio < 1 / SIZE_FACTOR) return 0;
  const sides = Math.min(MOST_SIDES, (SIDES_PER_S * tracklet.unseenMs) / 1000);
  const reach = sides * Math.max(width, height);
  const dx = (corners[at]! + corners[at + 2]! - expected[0]! - expected[2]!) / 2;
  const dy = (corners[at + 1]! + corners[at + 3]! - expected[1]! - expected[3]!) / 2;
  return 1 - Math.hypot(dx, dy) / reach;
}
