// OC-SORT (Cao et al. 2023): detections are trusted more than the predictions between them.
import type { Detection } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';
import type { FrameTracks, FrameView, Track, Tracker } from '../contracts/track.ts';
import {
  Association,
  expectedPlace,
  isAny,
  observedPlace,
  wasJustSeen,
  wasSeenBefore,
  weakBenefit,
} from './association.ts';
import { Candidates } from './candidates.ts';
import { likelihood } from './fit.ts';
import { Lifecycle, type TrackerOptions } from './lifecycle.ts';
import { reachBenefit } from './reach.ts';
import type { TrackingConfig } from './tracking-config.ts';
import type { Tracklet } from './tracklet.ts';

// Two detections of one thing that stands still differ by so much, in box heights: twice the deviation of one (kalman.ts).
const JITTER = 0.1;

/**
 * - Momentum: among rivals, the detection in the direction of movement wins.
 * - Recovery: what is left over is looked for where it was last seen, not where it was expected.
 * - Re-update: after a gap the filter is replayed along the straight way between the two observations,
 *   so that the error of the blind prediction does not survive it.
 * - Weak detections continue tracks that the strong ones left over.
 */
export class OcSort implements Tracker {
  private readonly config: TrackingConfig;
  private readonly lifecycle: Lifecycle;
  private readonly candidates = new Candidates();
  private readonly association: Association;
  private readonly before = new Float64Array(2);

  constructor(config: TrackingConfig, options: TrackerOptions) {
    this.config = config;
    this.lifecycle = new Lifecycle(config, options, true);
    this.association = new Association(config, this.lifecycle, this.candidates);
  }

  update(frame: Frame, detections: readonly Detection[], view: FrameView = {}): FrameTracks {
    const { config, lifecycle, candidates, association } = this;
    lifecycle.begin(frame, view);
    candidates.load(frame, detections, config.high_score, config.low_score);
    association.run(frame, {
      indices: candidates.strong,
      belongs: isAny,
      place: expectedPlace,
      benefit: (tracklet, index, overlap) => {
        const { score } = detections[index]!;
        if (overlap * score < config.min_similarity) return 0;
        return likelihood(overlap) * score + this.momentum(tracklet, index, score);
      },
    });
    association.run(frame, {
      indices: candidates.weak,
      belongs: wasJustSeen,
      place: expectedPlace,
      benefit: (tracklet, index) => weakBenefit(tracklet, candidates, index, config.min_low_iou),
    });
    association.run(frame, {
      indices: candidates.strong,
      belongs: isAny,
      place: observedPlace,
      benefit: (_, index, overlap) => {
        const { score } = detections[index]!;
        return overlap * score > config.min_similarity ? likelihood(overlap) * score : 0;
      },
    });
    association.run(frame, {
      indices: candidates.strong,
      belongs: wasSeenBefore,
      place: expectedPlace,
      reaches: true,
      benefit: (tracklet, index) => reachBenefit(tracklet, candidates.corners, 4 * index),
    });
    lifecycle.birth(frame, candidates);
    return lifecycle.finish(frame);
  }

  finish(): readonly Track[] {
    return this.lifecycle.close();
  }

  /** Between -inertia/2 (turning back) and +inertia/2 (straight on). */
  private momentum(tracklet: Tracklet, index: number, score: number): number {
    const { before, config, candidates } = this;
    if (!tracklet.observations.centreBefore(config.direction_s * 1000, before)) return 0;
    const { observed } = tracklet;
    const moveX = (observed[0]! + observed[2]!) / 2 - before[0]!;
    const moveY = (observed[1]! + observed[3]!) / 2 - before[1]!;
    const { corners } = candidates;
    const at = 4 * index;
    const wayX = (corners[at]! + corners[at + 2]!) / 2 - before[0]!;
    const wayY = (corners[at + 1]! + corners[at + 3]!) / 2 - before[1]!;
    const move = Math.hypot(moveX, moveY);
    const way = Math.hypot(wayX, wayY);
    if (move * way < 1e-12) return 0;
    const cosine = Math.min(1, Math.max(-1, (moveX * wayX + moveY * wayY) / (move * way)));
    const trust = beyondJitter(Math.min(move, way), observed[3]! - observed[1]!);
    return trust * config.inertia * score * (0.5 - Math.acos(cosine) / Math.PI);
  }
}

/** How far a direction can be believed, 0..1: that of a short way is chance. */
function beyondJitter(way: number, height: number): number {
  const jitter = JITTER * height;
  return (way * way) / (way * way + jitter * jitter);
}
