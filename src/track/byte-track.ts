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
} from './association.ts';
import { Candidates, cornersIou } from './candidates.ts';
import { Lifecycle, type TrackerOptions } from './lifecycle.ts';
import { reachBenefit } from './reach.ts';
import type { TrackingConfig } from './tracking-config.ts';
import type { Tracklet } from './tracklet.ts';

// Tentative tracks are held to more (1 - 0.7, ByteTrack's limit for unconfirmed tracks).
const MIN_TENTATIVE_SIMILARITY = 0.3;

/**
 * Three associations per frame: known tracks with strong detections by IoU × score; those left over
 * that were seen in the frame before with weak detections by IoU; tentative tracks with the strong
 * detections that remain.
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
      (_: Tracklet, index: number, overlap: number): number =>
        overlap * detections[index]!.score - least;
    association.run(frame, {
      indices: candidates.strong,
      belongs: isKnown,
      place,
      benefit: above(config.min_similarity),
    });
    association.run(frame, {
      indices: candidates.weak,
      belongs: wasJustSeen,
      place,
      benefit: (tracklet, index) =>
        cornersIou(tracklet.expected, 0, candidates.corners, 4 * index) - config.min_low_iou,
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
