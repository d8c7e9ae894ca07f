// One object while it is followed: the mutable state behind a `Track`.
import type { Detection } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';
import { type Box, clip } from '../contracts/geometry.ts';
import type { Track, TrackPhase } from '../contracts/track.ts';
import { BoxFilter, TICKS_PER_S } from './kalman.ts';
import { LabelVote } from './label-vote.ts';

export class Tracklet {
  readonly id: string;
  /** 0 until confirmed. */
  trackId = 0;
  phase: TrackPhase = 'tentative';
  readonly filter: BoxFilter = new BoxFilter();
  readonly votes: LabelVote;
  /** Where it is expected in this frame: `x1 y1 x2 y2` in frame heights. */
  readonly expected: Float64Array = new Float64Array(4);
  /** Where it was detected last, same unit. */
  readonly observed: Float64Array = new Float64Array(4);
  /** Detections matched in frames without a gap between them. */
  streak = 1;
  hits = 1;
  unseenMs = 0;
  /** In the frame being worked on. */
  seenNow = true;
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
    this.observe(corners, at);
    const [x1, y1, x2, y2] = this.observed as unknown as [number, number, number, number];
    this.filter.start((x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1);
    this.refreshExpected();
  }

  predict(stepMs: number): void {
    if (!this.seenNow) this.filter.holdSize();
    this.filter.predict((stepMs / 1000) * TICKS_PER_S);
    this.unseenMs += stepMs;
    this.seenNow = false;
    this.refreshExpected();
  }

  /** Takes the detection whose corners stand at `at`. */
  update(frame: Frame, detection: Detection, corners: Float64Array, at: number): void {
    this.newest = detection;
    this.topScore = Math.max(this.topScore, detection.score);
    this.votes.add(detection.label, detection.score);
    this.lastMs = frame.captureMs;
    this.lastPtsNs = frame.ptsNs;
    this.hits += 1;
    this.unseenMs = 0;
    this.seenNow = true;
    this.observe(corners, at);
    const [x1, y1, x2, y2] = this.observed as unknown as [number, number, number, number];
    this.filter.update((x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1);
    this.refreshExpected();
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

  private predictedBox(): Box {
    const [x1, y1, x2, y2] = this.expected as unknown as [number, number, number, number];
    return [x1 / this.aspect, y1, (x2 - x1) / this.aspect, y2 - y1];
  }

  private observe(corners: Float64Array, at: number): void {
    for (let i = 0; i < 4; i++) this.observed[i] = corners[at + i]!;
  }

  private refreshExpected(): void {
    const { mean } = this.filter;
    const height = Math.max(mean[6]!, 1e-6);
    const width = Math.max(mean[4]!, 1e-3) * height;
    this.expected[0] = mean[0]! - width / 2;
    this.expected[1] = mean[2]! - height / 2;
    this.expected[2] = mean[0]! + width / 2;
    this.expected[3] = mean[2]! + height / 2;
  }
}
