// One object while it is followed: the mutable state behind a `Track`.
import type { Detection } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';
import { type Affine, type Box, clip } from '../contracts/geometry.ts';
import type { Track, TrackPhase } from '../contracts/track.ts';
import { Foresight } from './foresight.ts';
import { BoxFilter, TICKS_PER_S } from './kalman.ts';
import { LabelVote } from './label-vote.ts';
import { Observations, warpCorners } from './observations.ts';

// A gap is replayed in at most this many steps.
const REPLAY_STEPS = 30;
// How fast the remembered appearance follows the newest one (FairMOT and BoT-SORT: 0.1).
const APPEARANCE_RATE = 0.1;

export class Tracklet {
  readonly id: string;
  /** 0 until confirmed. */
  trackId = 0;
  phase: TrackPhase = 'tentative';
  readonly filter: BoxFilter = new BoxFilter();
  readonly votes: LabelVote;
  /**
   * Where it is expected in this frame: `x1 y1 x2 y2` in frame heights. The filter says where and how it grows; how tall
   * and wide it is, the last detection says: people stretch and stoop faster than a filter learns.
   */
  readonly expected: Float64Array = new Float64Array(4);
  /** Where it was detected last, same unit. */
  readonly observed: Float64Array = new Float64Array(4);
  readonly observations: Observations = new Observations();
  readonly foresight: Foresight = new Foresight();
  /** The filter as it was after the last detection. */
  private readonly settled = new BoxFilter();
  /** Predictions since then. */
  private misses = 0;
  /** What speaks for it, counted in sure detections; less after every gap (lifecycle.ts). */
  evidence = 0;
  /** Shown although it may be tentative (lifecycle.ts). */
  isSure = false;
  /** It was looked for in vain since its last detection. */
  isMissed = false;
  /** Age at its first detection after the last miss. */
  private runSinceMs = 0;
  hits = 1;
  unseenMs = 0;
  /** Since its first detection, on the stream's timeline. */
  ageMs = 0;
  /** In the frame being worked on. */
  seenNow = true;
  /** False in a frame of which only a region without this track was inferred. */
  isLookedFor = true;
  private appearance: Float32Array | undefined;
  private newest: Detection;
  private topScore: number;
  private readonly firstMs: number;
  private lastMs: number;
  private lastPtsNs: number;
  private aspect: number;

  constructor(id: string, frame: Frame, detection: Detection, corners: Float64Array, at: number) {
    this.id = id;
    this.newest = detection;
    this.topScore = detection.score;
    this.votes = new LabelVote(detection.label, detection.score);
    this.firstMs = frame.captureMs;
    this.lastMs = frame.captureMs;
    this.lastPtsNs = frame.ptsNs;
    this.aspect = frame.widthPx / frame.heightPx;
    this.remember(detection.embedding);
    this.observe(corners, at);
    const [x1, y1, x2, y2] = this.observed as unknown as [number, number, number, number];
    this.filter.start((x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1);
    this.settled.copyFrom(this.filter);
    this.refreshExpected();
  }

  /** The picture moved because the camera did: everything known moves with it. */
  follow([a, b, c, d, e, f]: Affine): void {
    const k = this.aspect;
    const affine: Affine = [a, b * k, c * k, d / k, e, f];
    this.filter.warp(affine);
    this.settled.warp(affine);
    this.observations.warp(affine);
    warpCorners(this.observed, 0, affine);
  }

  /** Cosine of the angle between the appearance so far and a detection's, or undefined. */
  resemblance(embedding: Float32Array | undefined): number | undefined {
    const { appearance } = this;
    if (appearance === undefined || embedding === undefined) return undefined;
    let dot = 0;
    let length = 0;
    for (let i = 0; i < appearance.length; i++) {
      dot += appearance[i]! * (embedding[i] ?? 0);
      length += appearance[i]! * appearance[i]!;
    }
    return dot / Math.sqrt(length);
  }

  predict(stepMs: number): void {
    if (!this.seenNow) this.filter.holdSize();
    this.filter.predict((stepMs / 1000) * TICKS_PER_S);
    this.unseenMs += stepMs;
    this.ageMs += stepMs;
    this.misses += 1;
    this.seenNow = false;
    this.refreshExpected();
  }

  /** Takes the detection whose corners stand at `at`; after a gap with a replay when `isReplayed`. */
  update(
    frame: Frame,
    detection: Detection,
    corners: Float64Array,
    at: number,
    isReplayed: boolean,
  ): void {
    if (this.misses === 1) {
      this.foresight.learn(this.expected, this.observed, corners, at, this.unseenMs);
    }
    if (isReplayed && this.misses > 1) this.replay(corners, at);
    if (this.isMissed) this.runSinceMs = this.ageMs;
    this.isMissed = false;
    this.newest = detection;
    this.topScore = Math.max(this.topScore, detection.score);
    this.votes.add(detection.label, detection.score);
    this.remember(detection.embedding);
    this.lastMs = frame.captureMs;
    this.lastPtsNs = frame.ptsNs;
    this.hits += 1;
    this.unseenMs = 0;
    this.seenNow = true;
    this.observe(corners, at);
    this.correct(this.observed);
    this.misses = 0;
    this.settled.copyFrom(this.filter);
    this.refreshExpected();
  }

  /** Since when it was found wherever it was looked for. */
  get runMs(): number {
    return this.ageMs - this.runSinceMs;
  }

  get score(): number {
    return this.newest.score;
  }

  /** The detected box while seen, the predicted one while not: the state as others may see it. */
  snapshot(): Track {
    const { mean } = this.filter;
    return {
      id: this.id,
      trackId: this.trackId,
      phase: this.phase,
      isSure: this.isSure,
      label: this.votes.winner,
      score: this.newest.score,
      topScore: this.topScore,
      box: this.unseenMs === 0 ? this.newest.box : clip(this.predictedBox()),
      velocity: [(mean[1]! * TICKS_PER_S) / this.aspect, mean[3]! * TICKS_PER_S],
      hits: this.hits,
      firstMs: this.firstMs,
      lastMs: this.lastMs,
      lastPtsNs: this.lastPtsNs,
    };
  }

  /** Whether its predicted place lies wholly in a region of the frame: detections that are cut do not count. */
  isWithin([x, y, w, h]: Box): boolean {
    const [left, top, width, height] = clip(this.predictedBox());
    return left >= x && top >= y && left + width <= x + w && top + height <= y + h;
  }

  private predictedBox(): Box {
    const [x1, y1, x2, y2] = this.expected as unknown as [number, number, number, number];
    return [x1 / this.aspect, y1, (x2 - x1) / this.aspect, y2 - y1];
  }

  private observe(corners: Float64Array, at: number): void {
    for (let i = 0; i < 4; i++) this.observed[i] = corners[at + i]!;
    this.observations.add(this.observed, this.ageMs);
  }

  private remember(embedding: Float32Array | undefined): void {
    if (embedding === undefined) return;
    const { appearance } = this;
    if (appearance === undefined || appearance.length !== embedding.length) {
      this.appearance = embedding.slice();
      return;
    }
    for (let i = 0; i < appearance.length; i++) {
      appearance[i] = appearance[i]! + (embedding[i]! - appearance[i]!) * APPEARANCE_RATE;
    }
  }

  private correct([x1, y1, x2, y2]: Float64Array): void {
    const height = y2! - y1!;
    this.filter.update((x1! + x2!) / 2, (y1! + y2!) / 2, (x2! - x1!) / height, height);
  }

  /** Goes back to the last detection and walks straight to the new one (the last step is the caller's). */
  private replay(corners: Float64Array, at: number): void {
    const steps = Math.min(this.misses, REPLAY_STEPS);
    const ticks = ((this.unseenMs / 1000) * TICKS_PER_S) / steps;
    this.filter.copyFrom(this.settled);
    const between = new Float64Array(4);
    for (let step = 1; step <= steps; step++) {
      this.filter.predict(ticks);
      if (step === steps) break;
      for (let i = 0; i < 4; i++) {
        between[i] = this.observed[i]! + ((corners[at + i]! - this.observed[i]!) * step) / steps;
      }
      this.correct(between);
    }
  }

  private refreshExpected(): void {
    const { filter, settled, observed } = this;
    const { mean } = filter;
    const height = ((observed[3]! - observed[1]!) * heightOf(filter)) / heightOf(settled);
    const width = ((observed[2]! - observed[0]!) * widthOf(filter)) / widthOf(settled);
    this.expected[0] = mean[0]! - width / 2;
    this.expected[1] = mean[2]! - height / 2;
    this.expected[2] = mean[0]! + width / 2;
    this.expected[3] = mean[2]! + height / 2;
  }
}

function heightOf({ mean }: BoxFilter): number {
  return Math.max(mean[6]!, 1e-6);
}

function widthOf(filter: BoxFilter): number {
  return Math.max(filter.mean[4]!, 1e-3) * heightOf(filter);
}
