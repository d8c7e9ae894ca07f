// How well a detection fits the places where a track is looked for.
import { cornersIou } from './candidates.ts';
import type { TrackingConfig } from './tracking-config.ts';
import type { Tracklet } from './tracklet.ts';

// Boxes are widened by this share of their size per second unseen (buffered IoU, Yang et al. 2023, made to depend on time).
const BUFFER_PER_S = 0.5;
const LARGEST_BUFFER = 0.3;
// One frame at 30 frames/s needs no buffer: there overlap says enough.
const SHARP_S = 1 / 30;
// `min_low_iou` falls by this much per second between frames, down to the least that is ever asked.
const EASED_PER_S = 1;
const LEAST_WEAK = 0.25;

/**
 * Where one track is looked for, aimed anew at each.
 *
 * Boxes are widened the more the longer the track is unseen. While a track is not lost, the place of its
 * last detection counts as much as the predicted one and the better of the two is taken: over 0.2 s people
 * turn more often than a constant velocity knows. Most detections of a crowd are dismissed by one
 * comparison.
 */
export class Lookout {
  private place: Float64Array = new Float64Array(4);
  private seen: Float64Array | undefined;
  private buffer = 0;
  private left = 0;
  private top = 0;
  private right = 0;
  private bottom = 0;

  aim(tracklet: Tracklet, place: Float64Array): void {
    const isTwofold = place === tracklet.expected && tracklet.phase !== 'lost';
    const other = isTwofold ? tracklet.observed : place;
    this.place = place;
    this.seen = isTwofold ? other : undefined;
    this.buffer = bufferFor(tracklet.unseenMs);
    const marginX = this.buffer * Math.max(place[2]! - place[0]!, other[2]! - other[0]!);
    const marginY = this.buffer * Math.max(place[3]! - place[1]!, other[3]! - other[1]!);
    this.left = Math.min(place[0]!, other[0]!) - marginX;
    this.top = Math.min(place[1]!, other[1]!) - marginY;
    this.right = Math.max(place[2]!, other[2]!) + marginX;
    this.bottom = Math.max(place[3]!, other[3]!) + marginY;
  }

  /** Overlap with the box at `at`, 0..1. */
  overlap(corners: Float64Array, at: number): number {
    const { place, seen, buffer } = this;
    const marginX = buffer * (corners[at + 2]! - corners[at]!);
    if (corners[at]! - marginX >= this.right || corners[at + 2]! + marginX <= this.left) return 0;
    const marginY = buffer * (corners[at + 3]! - corners[at + 1]!);
    if (corners[at + 1]! - marginY >= this.bottom || corners[at + 3]! + marginY <= this.top) {
      return 0;
    }
    const overlap = bufferedIou(place, corners, at, buffer);
    return seen === undefined ? overlap : Math.max(overlap, bufferedIou(seen, corners, at, buffer));
  }
}

function bufferFor(unseenMs: number): number {
  const seconds = unseenMs / 1000 - SHARP_S;
  return seconds < 1e-6 ? 0 : Math.min(LARGEST_BUFFER, BUFFER_PER_S * seconds);
}

/** 1 for boxes of equal height, less the more they differ: among rivals the one of the right size wins. */
export function sizeFit(place: Float64Array, corners: Float64Array, at: number): number {
  const ratio = (corners[at + 3]! - corners[at + 1]!) / (place[3]! - place[1]!);
  return ratio > 1 ? 1 / ratio : ratio;
}

/** The least overlap with a weak detection; less is asked the longer a frame lasts, since boxes overlap less. */
export function leastLowIou(config: TrackingConfig, stepMs: number): number {
  const eased = config.min_low_iou - EASED_PER_S * Math.max(0, stepMs / 1000 - SHARP_S);
  return Math.max(Math.min(LEAST_WEAK, config.min_low_iou), eased);
}

/** IoU of `box` with the box at `at` after both grew by `buffer` of their size on every side. */
function bufferedIou(box: Float64Array, corners: Float64Array, at: number, buffer: number): number {
  if (buffer === 0) return cornersIou(box, 0, corners, at);
  const widthA = box[2]! - box[0]!;
  const widthB = corners[at + 2]! - corners[at]!;
  const w =
    Math.min(box[2]! + buffer * widthA, corners[at + 2]! + buffer * widthB) -
    Math.max(box[0]! - buffer * widthA, corners[at]! - buffer * widthB);
  if (w <= 0) return 0;
  const heightA = box[3]! - box[1]!;
  const heightB = corners[at + 3]! - corners[at + 1]!;
  const h =
    Math.min(box[3]! + buffer * heightA, corners[at + 3]! + buffer * heightB) -
    Math.max(box[1]! - buffer * heightA, corners[at + 1]! - buffer * heightB);
  if (h <= 0) return 0;
  const growth = (1 + 2 * buffer) ** 2;
  const inter = w * h;
  return inter / (growth * (widthA * heightA + widthB * heightB) - inter);
}
