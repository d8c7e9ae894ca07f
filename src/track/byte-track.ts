// ByteTrack (Zhang et al. 2022): every detection counts, also the weak ones.
import type { Detection } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';
import type { FrameTracks, Track, Tracker } from '../contracts/track.ts';
import { Assigner } from './assignment.ts';
import { Candidates, cornersIou } from './candidates.ts';
import { Lifecycle, type TrackerOptions } from './lifecycle.ts';
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
  private readonly assigner = new Assigner();
  private readonly pool: Tracklet[] = [];

  constructor(config: TrackingConfig, options: TrackerOptions) {
    this.config = config;
    this.lifecycle = new Lifecycle(config, options);
  }

  update(frame: Frame, detections: readonly Detection[]): FrameTracks {
    const { config, lifecycle, candidates } = this;
    lifecycle.begin(frame);
    candidates.load(frame, detections, config.high_score, config.low_score);
    this.associate(frame, candidates.strong, config.min_similarity, true, isKnown);
    candidates.dropTaken();
    this.associate(frame, candidates.weak, config.min_low_iou, false, wasJustSeen);
    this.associate(frame, candidates.strong, MIN_TENTATIVE_SIMILARITY, true, isTentative);
    candidates.dropTaken();
    lifecycle.birth(frame, candidates);
    return lifecycle.finish(frame);
  }

  finish(): readonly Track[] {
    return this.lifecycle.close();
  }

  private associate(
    frame: Frame,
    indices: readonly number[],
    least: number,
    fuseScore: boolean,
    belongs: (tracklet: Tracklet) => boolean,
  ): void {
    const { pool, candidates, assigner } = this;
    pool.length = 0;
    for (const tracklet of this.lifecycle.live) {
      if (!tracklet.seenNow && belongs(tracklet)) pool.push(tracklet);
    }
    if (pool.length === 0 || indices.length === 0) return;
    const benefit = assigner.matrix(pool.length, indices.length);
    let at = 0;
    for (const tracklet of pool) {
      const label = tracklet.votes.winner;
      for (const index of indices) {
        const iou = cornersIou(tracklet.expected, 0, candidates.corners, 4 * index);
        const detection = candidates.detections[index]!;
        const similarity = fuseScore ? iou * detection.score : iou;
        const allowed = detection.label === label || iou >= this.config.label_switch_iou;
        benefit[at++] = allowed ? similarity - least : 0;
      }
    }
    assigner.solve(pool.length, (row, column) => {
      this.lifecycle.hit(pool[row]!, frame, candidates, indices[column]!);
    });
  }
}

function isKnown(tracklet: Tracklet): boolean {
  return tracklet.phase !== 'tentative';
}

function wasJustSeen(tracklet: Tracklet): boolean {
  return tracklet.phase === 'confirmed';
}

function isTentative(tracklet: Tracklet): boolean {
  return tracklet.phase === 'tentative';
}
