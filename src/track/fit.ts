// How well a detection fits the places where a track is looked for.
import { cornersIou } from './candidates.ts';
import type { Tracklet } from './tracklet.ts';

// Boxes are widened by this share of their size per second unseen (buffered IoU, Yang et al. 2023, made to depend on time).
const BUFFER_PER_S = 0.5;
const LARGEST_BUFFER = 0.3;
// One frame at 30 frames/s needs no buffer: there overlap says enough.
const SHARP_S = 1 / 30;

/**
 * Where one track is looked for, aimed anew at each; its box and the detections are widened the more the
 * longer it is unseen. Most detections of a crowd are dismissed by one comparison.
 */
export class Lookout {
  private place: Float64Array = new Float64Array(4);
  private buffer = 0;
  private left = 0;
  private top = 0;
  private right = 0;
  private bottom = 0;

  aim(tracklet: Tracklet, place: Float64Array): void {
    this.place = place;
    this.buffer = bufferFor(tracklet.unseenMs);
    const marginX = this.buffer * (place[2]! - place[0]!);
    const marginY = this.buffer * (place[3]! - place[1]!);
    this.left = place[0]! - marginX;
    this.top = place[1]! - marginY;
    this.right = place[2]! + marginX;
    this.bottom = place[3]! + marginY;
  }

  /** Overlap with the box at `at`, 0..1. */
  overlap(corners: Float64Array, at: number): number {
    const { buffer } = this;
    const marginX = buffer * (corners[at + 2]! - corners[at]!);
    if (corners[at]! - marginX >= this.right || corners[at + 2]! + marginX <= this.left) return 0;
    const marginY = buffer * (corners[at + 3]! - corners[at + 1]!);
    if (corners[at + 1]! - marginY >= this.bottom || corners[at + 3]! + marginY <= this.top) {
      return 0;
    }
    return bufferedIou(this.place, corners, at, buffer);
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
