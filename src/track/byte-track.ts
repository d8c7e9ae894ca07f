// ByteTrack (Zhang et al. 2022): every detection counts, also the weak ones.
import type { Detection } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';
import type { FrameTracks, FrameView, Track, Tracker } from '../contracts/track.ts';
import {
  Association,
  expectedPlace,
  isKnown,
  isTentative,
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

// Tentative tracks are held to more (1 - 0.7, ByteTrack's limit for unconfirmed tracks).
const MIN_TENTATIVE_SIMILARITY = 0.3;

// What a weak detection's score counts for beside a strong one's.
const WEAK_WORTH = 0.5;

/**
 * Known tracks with all detections by likelihood × score, weak ones at half their worth and only where they lie on a track
 * that was seen lately; then tentative tracks with the strong detections that remain.
 *
 * The paper asks for weak detections only after the strong ones are given away. Then a passer-by who barely touches
 * takes a track whose own object is right there, half hidden; in one round the two are rivals.
 */
export class ByteTrack implements Tracker {
  private readonly config: TrackingConfig;
  private readonly lifecycle: Lifecycle;
  private readonly candidates = new Candidates();
  private readonly association: Association;

  constructor(config: TrackingConfig, options: TrackerOptions) {
    this.config = config;
    this.lifecycle = new Lifecycle(config, options);
    this.association = new Association(config, this.lifecycle, this.candidates);
  }

  update(frame: Frame, detections: readonly Detection[], view: FrameView = {}): FrameTracks {
    const { config, lifecycle, candidates, association } = this;
    const place = expectedPlace;
    lifecycle.begin(frame, view);
    candidates.load(frame, detections, config.high_score, config.low_score);
    const above =
      (least: number) =>
      (_: Tracklet, index: number, overlap: number): number => {
        const { score } = detections[index]!;
        return overlap * score > least ? likelihood(overlap) * score : 0;
      };
    const aboveStrong = above(config.min_similarity);
    association.run(frame, {
      indices: candidates.all,
      belongs: isKnown,
      place,
      benefit: (tracklet, index, overlap) => {
        const { score } = detections[index]!;
        if (score >= config.high_score) return aboveStrong(tracklet, index, overlap);
        if (!wasJustSeen(tracklet)) return 0;
        if (weakBenefit(tracklet, candidates, index, config.min_low_iou) < 0) return 0;
        return likelihood(overlap) * score * WEAK_WORTH;
      },
    });
    association.run(frame, {
      indices: candidates.strong,
      belongs: isTentative,
      place,
      benefit: above(MIN_TENTATIVE_SIMILARITY),
    });
    association.run(frame, {
      indices: candidates.strong,
      belongs: wasSeenBefore,
      place,
      reaches: true,
      benefit: (tracklet, index) => reachBenefit(tracklet, candidates.corners, 4 * index),
    });
    lifecycle.birth(frame, candidates);
    return lifecycle.finish(frame);
  }

  finish(): readonly Track[] {
    return this.lifecycle.close();
  }
}
