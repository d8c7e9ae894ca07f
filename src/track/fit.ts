// How well a detection fits the places where a track is looked for.
import { cornersIou } from './candidates.ts';
import type { Tracklet } from './tracklet.ts';

// Boxes are widened by this share of their size per second unseen (buffered IoU, Yang et al. 2023, made to depend on time).
const BUFFER_PER_S = 0.5;
const LARGEST_BUFFER = 0.3;
// To the sides by so much of their height more: people are tall, and move along the ground.
const MOST_SIDEWAYS = 0.06;
// One frame at 30 frames/s needs no buffer: there overlap says enough.
const SHARP_S = 1 / 30;

/**
 * Where one track is looked for, aimed anew at each: the place of the round and, where that is the expected one, also
 * the place where it was seen last, each as far as it is believed (foresight.ts). Box and detections are widened the
 * more the longer it is unseen.
 */
export class Lookout {
  private readonly place = new Window();
  private readonly last = new Window();
  private share = 1;

  aim(tracklet: Tracklet, place: Float64Array): void {
    this.share = place === tracklet.expected ? tracklet.foresight.share : 1;
    const buffer = bufferFor(tracklet.unseenMs);
    this.place.aim(place, buffer);
    if (this.share < 1) this.last.aim(tracklet.observed, buffer);
  }

  /** Overlap with the box at `at`, 0..1. */
  overlap(corners: Float64Array, at: number): number {
    const { share } = this;
    const overlap = this.place.overlap(corners, at);
    if (share === 1) return overlap;
    return share * overlap + (1 - share) * this.last.overlap(corners, at);
  }
}

function bufferFor(unseenMs: number): number {
  const seconds = unseenMs / 1000 - SHARP_S;
  return seconds < 1e-6 ? 0 : Math.min(LARGEST_BUFFER, BUFFER_PER_S * seconds);
}

/** One widened box. Most detections of a crowd are dismissed by one comparison. */
class Window {
  private box: Float64Array = new Float64Array(4);
  private buffer = 0;
  private sideways = 0;
  private left = 0;
  private top = 0;
  private right = 0;
  private bottom = 0;
  private area = 0;

  aim(box: Float64Array, buffer: number): void {
    this.box = box;
    this.buffer = buffer;
    this.sideways = Math.min(buffer, MOST_SIDEWAYS);
    const width = box[2]! - box[0]!;
    const height = box[3]! - box[1]!;
    const marginX = buffer * width + this.sideways * height;
    const marginY = buffer * height;
    this.left = box[0]! - marginX;
    this.top = box[1]! - marginY;
    this.right = box[2]! + marginX;
    this.bottom = box[3]! + marginY;
    this.area = (width + 2 * marginX) * (height + 2 * marginY);
  }

  overlap(corners: Float64Array, at: number): number {
    if (this.buffer === 0) return cornersIou(this.box, 0, corners, at);
    const width = corners[at + 2]! - corners[at]!;
    const height = corners[at + 3]! - corners[at + 1]!;
    const marginX = this.buffer * width + this.sideways * height;
    const w =
      Math.min(this.right, corners[at + 2]! + marginX) -
      Math.max(this.left, corners[at]! - marginX);
    if (w <= 0) return 0;
    const marginY = this.buffer * height;
    const h =
      Math.min(this.bottom, corners[at + 3]! + marginY) -
      Math.max(this.top, corners[at + 1]! - marginY);
    if (h <= 0) return 0;
    const inter = w * h;
    return inter / (this.area + (width + 2 * marginX) * (height + 2 * marginY) - inter);
  }
}

// How far detections of one object scatter around its expected place, in box widths. With 0.2 DanceTrack loses 0.5 HOTA at full
// rate; all else stays within 0.2.
const SCATTER = 0.3;

/**
 * How likely a box that overlaps the expected one so much (0..1) is the one expected: 1 where they coincide.
 *
 * Pairs are chosen by the greatest sum. The sum of likelihoods is about how many of them are right; the sum of overlaps
 * gives up a sure pair for two that are mediocre.
 */
export function likelihood(overlap: number): number {
  // So many widths apart two equal boxes side by side overlap so much. Errors have long tails: Laplace, not Gauss.
  const distance = (1 - overlap) / (1 + overlap);
  return Math.exp(-distance / SCATTER);
}

/** 1 for boxes of equal height, less the more they differ: among rivals the one of the right size wins. */
export function sizeFit(place: Float64Array, corners: Float64Array, at: number): number {
  const ratio = (corners[at + 3]! - corners[at + 1]!) / (place[3]! - place[1]!);
  return ratio > 1 ? 1 / ratio : ratio;
}
