// Births, confirmations and ends of tracks in one camera session; both trackers share it.
import type { Frame } from '../contracts/frame.ts';
import type { Affine } from '../contracts/geometry.ts';
import type { FrameTracks, FrameView, Track } from '../contracts/track.ts';
import { type Candidates, cornersIou } from './candidates.ts';
import { FrameInterval } from './frame-interval.ts';
import type { TrackingConfig } from './tracking-config.ts';
import { Tracklet } from './tracklet.ts';

export interface TrackerOptions {
  /** Makes a globally unique id from the capture time (a ULID in production). */
  readonly idFor: (captureMs: number) => string;
}

// A slow camera may still miss this many frames before its tracks end.
const MISSES_ALWAYS_ALLOWED = 2;
// A detection is sure at this share of the way from `high_score` to 1: at 0.9 when `high_score` is 0.5.
const SURE = 0.8;
// One detection this far up is shown at once: from 0.99 on when `high_score` is 0.5. Of such newcomers four fifths are real on the
// recorded sequences, of those between 0.9 and 0.99 a quarter; at the first look, when everybody is new, 94 % from 0.9 on.
const CERTAIN = 0.98;
// What flickers is often no object: each gap costs as much evidence as so many sure detections give. On KITTI 23 % of the
// detections of false tracks are followed by a gap and 6 % of true ones, so by likelihood a gap outweighs 7 of them, were
// gaps independent; people who are hidden again and again are not, and 3 costs them little. What was seen for long can
// afford gaps.
const GAP_COST = 3;
const MOST_EVIDENCE = 100;
// A track that came back is told again after so long without a miss, whatever its evidence.
const RETURN_S = 0.2;
// A detection this close to an object that is followed already is the same object.
const SAME_OBJECT_IOU = 0.85;

const STANDING = [0, 0] as const;

export class Lifecycle {
  readonly live: Tracklet[] = [];
  private readonly config: TrackingConfig;
  private readonly options: TrackerOptions;
  private readonly isReplayed: boolean;
  private readonly interval = new FrameInterval();
  private session: string | undefined;
  /** Nobody is known yet: a session begins, or everybody was forgotten. */
  private isFirstLook = true;
  private shift: readonly [number, number] = STANDING;
  private confirmed = 0;
  private ended: Track[] = [];

  /** `isReplayed`: after a gap, filters are replayed along the way between the observations. */
  constructor(config: TrackingConfig, options: TrackerOptions, isReplayed = false) {
    this.config = config;
    this.options = options;
    this.isReplayed = isReplayed;
  }

  /**
   * Moves every track to the time of `frame`. A new session, or a gap longer than tracks are remembered,
   * ends all of them: nobody can say whether what comes back is the same object. Time in which nothing
   * moved neither moves nor ages a track, and one outside the inferred region was not looked for.
   */
  begin(frame: Frame, { cameraMotion, region }: FrameView): void {
    this.ended = [];
    this.isFirstLook = this.session !== frame.session;
    if (this.session !== undefined && this.session !== frame.session) {
      this.endAll();
      this.confirmed = 0;
    }
    this.session = frame.session;
    const stepMs = this.interval.step(frame);
    const movingMs = Math.max(0, stepMs - (frame.stillMs ?? 0));
    if (movingMs > this.lostMs) {
      this.endAll();
      this.isFirstLook = true;
    }
    const panned = this.panned(frame);
    const motion = cameraMotion ?? panned;
    for (const tracklet of this.live) {
      if (motion !== undefined) tracklet.follow(motion);
      tracklet.predict(movingMs);
      tracklet.isLookedFor = region === undefined || tracklet.isWithin(region);
    }
  }

  /** How the picture moved since the frame before because the camera turned. */
  private panned({ cameraShift = STANDING }: Frame): Affine | undefined {
    const dx = cameraShift[0] - this.shift[0];
    const dy = cameraShift[1] - this.shift[1];
    this.shift = cameraShift;
    return dx === 0 && dy === 0 ? undefined : [1, 0, dx, 0, 1, dy];
  }

  /** Gives detection `index` to the track. */
  hit(tracklet: Tracklet, frame: Frame, candidates: Candidates, index: number): void {
    candidates.take(index);
    tracklet.update(
      frame,
      candidates.detections[index]!,
      candidates.corners,
      4 * index,
      this.isReplayed,
    );
    this.judge(tracklet);
  }

  /** Starts a track from each strong detection that is left, unless it lies on an object already followed. */
  birth(frame: Frame, candidates: Candidates): void {
    const followed = this.live.length;
    for (const index of candidates.strong) {
      const detection = candidates.detections[index]!;
      if (detection.score < this.config.new_score || this.covers(followed, candidates, index))
        continue;
      const id = this.options.idFor(frame.captureMs);
      const born = new Tracklet(id, frame, detection, candidates.corners, 4 * index);
      if (this.config.confirm_hits <= 1) this.confirm(born);
      else born.evidence = this.weight(detection.score);
      born.isSure = this.certainty(detection.score) >= (this.isFirstLook ? SURE : CERTAIN);
      this.live.push(born);
    }
  }

  /** Ages what was not seen and returns the picture of this frame. */
  finish(frame: Frame): FrameTracks {
    this.sweep((tracklet) => {
      if (tracklet.seenNow) return true;
      if (!tracklet.isLookedFor) return tracklet.unseenMs <= this.lostMs;
      if (tracklet.phase === 'tentative') return false;
      this.miss(tracklet);
      return tracklet.unseenMs <= this.lostMs;
    });
    return { frame, tracks: this.live.map((tracklet) => tracklet.snapshot()), ended: this.ended };
  }

  /** Ends everything; returns what was confirmed. */
  close(): readonly Track[] {
    this.ended = [];
    this.endAll();
    return this.ended;
  }

  private get lostMs(): number {
    const misses = (MISSES_ALWAYS_ALLOWED + 0.5) * this.interval.typicalMs;
    return Math.max(this.config.lost_s * 1000, misses);
  }

  /** A sure detection counts for one, a less sure one by how far its score lies above `high_score`. */
  private weight(score: number): number {
    return Math.min(1, Math.max(0, this.certainty(score)) / SURE);
  }

  /** Which share of the way from `high_score` to 1 a score has gone. */
  private certainty(score: number): number {
    const { high_score } = this.config;
    return (score - high_score) / (1 - high_score);
  }

  private judge(tracklet: Tracklet): void {
    const { confirm_hits, confirm_s } = this.config;
    tracklet.evidence = Math.min(MOST_EVIDENCE, tracklet.evidence + this.weight(tracklet.score));
    if (tracklet.phase === 'confirmed') return;
    tracklet.isSure ||= this.certainty(tracklet.score) >= CERTAIN;
    const runS = tracklet.phase === 'lost' ? RETURN_S : confirm_s;
    const isLong = tracklet.runMs >= runS * 1000;
    if (isLong || tracklet.evidence > confirm_hits - 1e-9) this.confirm(tracklet);
  }

  /** Only the first miss of a gap counts: how long something is hidden says nothing about whether it exists. */
  private miss(tracklet: Tracklet): void {
    if (!tracklet.isMissed) tracklet.evidence = Math.max(0, tracklet.evidence - GAP_COST);
    tracklet.isMissed = true;
    tracklet.phase = 'lost';
  }

  private confirm(tracklet: Tracklet): void {
    if (tracklet.trackId === 0) tracklet.trackId = ++this.confirmed;
    tracklet.phase = 'confirmed';
  }

  private covers(followed: number, candidates: Candidates, index: number): boolean {
    for (let i = 0; i < followed; i++) {
      const tracklet = this.live[i]!;
      if (!tracklet.seenNow) continue;
      if (cornersIou(tracklet.observed, 0, candidates.corners, 4 * index) > SAME_OBJECT_IOU)
        return true;
    }
    return false;
  }

  private endAll(): void {
    this.sweep(() => false);
  }

  private sweep(keep: (tracklet: Tracklet) => boolean): void {
    const { live } = this;
    let kept = 0;
    for (let i = 0; i < live.length; i++) {
      const tracklet = live[i]!;
      if (keep(tracklet)) live[kept++] = tracklet;
      else if (tracklet.trackId !== 0) this.ended.push(tracklet.snapshot());
    }
    live.length = kept;
  }
}
