// One round of pairing between tracks that are still unseen and detections that are still free.
import type { Frame } from '../contracts/frame.ts';
import { Assigner } from './assignment.ts';
import { type Candidates, cornersIou } from './candidates.ts';
import { Lookout, sizeFit } from './fit.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { TrackingConfig } from './tracking-config.ts';
import type { Tracklet } from './tracklet.ts';

export interface Round {
  readonly indices: readonly number[];
  /** Which of the unseen tracks take part. */
  belongs(tracklet: Tracklet): boolean;
  /** Where the track is looked for: `x1 y1 x2 y2`. */
  place(tracklet: Tracklet): Float64Array;
  /**
   * What the pair is worth; one with 0 or less is never made. `overlap` is 0..1, blended with
   * appearance where there is one.
   */
  benefit(tracklet: Tracklet, index: number, overlap: number): number;
  /** Also asks for pairs that do not touch. */
  readonly reaches?: true;
}

export class Association {
  private readonly config: TrackingConfig;
  private readonly lifecycle: Lifecycle;
  private readonly candidates: Candidates;
  private readonly assigner = new Assigner();
  private readonly pool: Tracklet[] = [];
  private readonly lookout = new Lookout();

  constructor(config: TrackingConfig, lifecycle: Lifecycle, candidates: Candidates) {
    this.config = config;
    this.lifecycle = lifecycle;
    this.candidates = candidates;
  }

  run(frame: Frame, round: Round): void {
    const { pool, candidates, assigner } = this;
    const { indices } = round;
    pool.length = 0;
    for (const tracklet of this.lifecycle.live) {
      if (!tracklet.seenNow && round.belongs(tracklet)) pool.push(tracklet);
    }
    if (pool.length === 0 || indices.length === 0) return;
    const benefit = assigner.matrix(pool.length, indices.length);
    let at = 0;
    for (const tracklet of pool) {
      const label = tracklet.votes.winner;
      const place = round.place(tracklet);
      this.lookout.aim(tracklet, place);
      for (const index of indices) {
        const overlap = this.lookout.overlap(candidates.corners, 4 * index);
        const isPossible = overlap > 0 || round.reaches === true;
        benefit[at++] =
          isPossible && this.isSameKind(label, place, index)
            ? this.benefitOf(round, tracklet, index, overlap) *
              sizeFit(place, candidates.corners, 4 * index)
            : 0;
      }
    }
    assigner.solve(pool.length, (row, column) => {
      this.lifecycle.hit(pool[row]!, frame, candidates, indices[column]!);
    });
    candidates.dropTaken();
  }

  private isSameKind(label: string, place: Float64Array, index: number): boolean {
    const { candidates, config } = this;
    if (candidates.detections[index]!.label === label) return true;
    return cornersIou(place, 0, candidates.corners, 4 * index) >= config.label_switch_iou;
  }

  private benefitOf(round: Round, tracklet: Tracklet, index: number, overlap: number): number {
    const resemblance = tracklet.resemblance(this.candidates.detections[index]!.embedding);
    const blended = resemblance === undefined ? overlap : this.blend(overlap, resemblance);
    return round.benefit(tracklet, index, blended);
  }

  /** Appearance takes part only where boxes touch: look-alikes across the picture are not the same object. */
  private blend(iou: number, resemblance: number): number {
    const weight = this.config.appearance;
    return iou > 0 ? (1 - weight) * iou + weight * Math.max(0, resemblance) : 0;
  }
}

export function isKnown(tracklet: Tracklet): boolean {
  return tracklet.phase !== 'tentative';
}

export function isTentative(tracklet: Tracklet): boolean {
  return tracklet.phase === 'tentative';
}

// Weak detections continue a track that was missed only within this time: reflections and shadows stay for longer.
const WEAK_AFTER_MS = 500;

/** Known, and seen lately enough to be continued by a weak detection. */
export function wasJustSeen(tracklet: Tracklet): boolean {
  if (tracklet.phase === 'tentative') return false;
  return !tracklet.isMissed || tracklet.unseenMs <= WEAK_AFTER_MS;
}

export function isAny(): boolean {
  return true;
}

export function expectedPlace(tracklet: Tracklet): Float64Array {
  return tracklet.expected;
}

export function observedPlace(tracklet: Tracklet): Float64Array {
  return tracklet.observed;
}

/** Seen in the frame before, whether confirmed or not. */
export function wasSeenBefore(tracklet: Tracklet): boolean {
  return !tracklet.isMissed;
}

/** How far a weak detection lies on the expected place beyond what is asked (IoU); another label is never worth a doubt. */
export function weakBenefit(
  tracklet: Tracklet,
  candidates: Candidates,
  index: number,
  minIou: number,
): number {
  if (candidates.detections[index]!.label !== tracklet.votes.winner) return -1;
  return cornersIou(tracklet.expected, 0, candidates.corners, 4 * index) - minIou;
}
