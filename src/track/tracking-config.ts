// The numbers that steer a tracker, with what happens when each goes up. Times are seconds, never frames.
import type { TrackingScores } from '../contracts/model.ts';

export type TrackerName = 'byte_track' | 'oc_sort';

/** Keys as in the YAML section `tracking`. */
export interface TrackingConfig {
  /**
   * `byte_track` keeps more objects through weak detections; `oc_sort` keeps identities apart better
   * when people who look alike cross, and is surer of a box before it reports it.
   */
  readonly tracker: TrackerName;
  /**
   * Detections from this score on take part in the first association. Higher: fewer false tracks,
   * later confirmation of far or half-hidden objects.
   */
  readonly high_score: number;
  /**
   * Weaker detections, down to this score, may only continue a track that the first association left
   * over. Higher: tracks break sooner behind obstacles. Lower: boxes of shadows and reflections hold on
   * to a track. The detector must deliver scores this low for it to matter.
   */
  readonly low_score: number;
  /** A track is born from this score on. Higher: fewer false objects, slower starts. */
  readonly new_score: number;
  /**
   * Least overlap (IoU, widened with the time unseen, times score) of a detection with the predicted box. Higher: identities are
   * swapped less often in crowds, fast objects are lost more often at low frame rates.
   */
  readonly min_similarity: number;
  /** Least IoU of the second, weak association. */
  readonly min_low_iou: number;
  /**
   * Sure detections in a row (scores from four fifths of the way between `high_score` and 1 on) that make a
   * track `confirmed`; a less sure one counts for less, one at `high_score` for nothing. Higher: fewer false
   * objects; an object must stay visible longer before events tell of it.
   */
  readonly confirm_hits: number;
  /**
   * A track that was seen in every frame for this many seconds is confirmed, however unsure its detections
   * are. Higher: doubtful objects are reported later, false ones less often.
   */
  readonly confirm_s: number;
  /**
   * How long an unseen object is remembered, in seconds. Higher: an identity survives longer behind an
   * obstacle, and `object_end` comes later; too high and a newcomer inherits the identity.
   */
  readonly lost_s: number;
  /**
   * A detection of another label continues a track only with at least this IoU (a car that is called
   * truck for a frame). 1 forbids it. The label told is always the winner of the votes.
   */
  readonly label_switch_iou: number;
  /** Direction of movement decides between rivals with this weight; 0 switches it off (`oc_sort`). */
  readonly inertia: number;
  /** The direction is taken over about this many seconds (`oc_sort`). */
  readonly direction_s: number;
  /**
   * Weight of appearance (cosine similarity of re-identification embeddings) against overlap, 0..1.
   * Without embeddings in the detections it has no effect.
   */
  readonly appearance: number;
}

/** Section `tracking` of a configuration: scores may be absent, the model's are taken then. */
export type TrackingSettings = Omit<TrackingConfig, keyof TrackingScores> & TrackingScores;

/** What the configuration says wins over what the model's manifest says, and that over the defaults. */
export function trackingFor(
  scores: TrackingScores | undefined,
  settings: TrackingSettings,
): TrackingConfig {
  return { ...DEFAULT_TRACKING, ...scores, ...settings };
}

export const DEFAULT_TRACKING: TrackingConfig = {
  tracker: 'byte_track',
  high_score: 0.5,
  low_score: 0.1,
  new_score: 0.6,
  min_similarity: 0.2,
  min_low_iou: 0.5,
  confirm_hits: 2,
  confirm_s: 0.35,
  lost_s: 1.5,
  label_switch_iou: 0.6,
  inertia: 0.2,
  direction_s: 0.3,
  appearance: 0.25,
};
