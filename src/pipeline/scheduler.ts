// Stage `schedule`: which camera's frame is inferred next. Pure: no timers, time is an argument.
import type { Frame } from '../contracts/frame.ts';

/** Why an offered frame was not inferred. */
export type SkipCause = 'not_due' | 'replaced' | 'removed';

export interface ScheduleCounts {
  readonly offered: number;
  readonly taken: number;
  readonly skipped: Readonly<Record<SkipCause, number>>;
}

interface Lane {
  intervalMs: number;
  /** The session whose timeline `dueMs` is in. */
  session: string;
  /** Presentation time of the next frame that is wanted; moves on by whole intervals, so the mean rate is exact. */
  dueMs: number;
  /** Smoothed spacing of the frames' presentation times. */
  spacingMs: number;
  lastPtsMs: number;
  /** Monotonic; the lane's claim grows from here. */
  lastTakenMs: number;
  pending: Frame | undefined;
  offered: number;
  taken: number;
  skipped: Record<SkipCause, number>;
}

/** A step in presentation time beyond this, or backwards, is a new timeline. */
const MAX_STEP_MS = 5000;

/**
 * Holds at most one frame per camera, the newest, and hands out the one that is wanted most.
 *
 * Each camera is wanted once per `1000 / fps` ms of its own presentation time, in which the jitter of
 * network and scheduling does not show. A frame earlier than half a spacing before the wanted time is
 * skipped: the next one fits better. Among waiting frames that camera goes first which was not served
 * for the most of its own intervals: under overload every camera keeps the same share of the rate it
 * asked for and none starves. A late camera gets no credit for what it missed.
 */
export class Scheduler {
  private readonly lanes = new Map<string, Lane>();

  /** Adds a camera or changes its rate. */
  setCamera(camera: string, fps: number): void {
    const intervalMs = 1000 / fps;
    const lane = this.lanes.get(camera);
    if (lane !== undefined) {
      lane.dueMs += intervalMs - lane.intervalMs;
      lane.intervalMs = intervalMs;
      return;
    }
    this.lanes.set(camera, {
      intervalMs,
      session: '',
      dueMs: 0,
      spacingMs: 0,
      lastPtsMs: 0,
      lastTakenMs: Number.NEGATIVE_INFINITY,
      pending: undefined,
      offered: 0,
      taken: 0,
      skipped: { not_due: 0, replaced: 0, removed: 0 },
    });
  }

  removeCamera(camera: string): void {
    this.lanes.delete(camera);
  }

  /** Forgets the pending frame of a camera whose process is gone. */
  dropPending(camera: string): void {
    const lane = this.lanes.get(camera);
    if (lane?.pending === undefined) return;
    lane.pending = undefined;
    lane.skipped.removed += 1;
  }

  /** Takes notice of a decoded frame. Returns true when it is now waiting to be taken. */
  offer(frame: Frame): boolean {
    const lane = this.lanes.get(frame.camera);
    if (lane === undefined) return false;
    lane.offered += 1;
    const ptsMs = frame.ptsNs / 1e6;
    followTimeline(lane, frame.session, ptsMs);
    if (ptsMs < lane.dueMs - Math.min(lane.spacingMs, lane.intervalMs) / 2) {
      lane.skipped.not_due += 1;
      return false;
    }
    if (lane.pending !== undefined) lane.skipped.replaced += 1;
    lane.pending = frame;
    return true;
  }

  /** The waiting frame that is wanted most, or undefined. */
  take(nowMs: number): Frame | undefined {
    let chosen: Lane | undefined;
    let mostUnserved = Number.NEGATIVE_INFINITY;
    for (const lane of this.lanes.values()) {
      if (lane.pending === undefined) continue;
      const unserved = (nowMs - lane.lastTakenMs) / lane.intervalMs;
      if (chosen !== undefined && unserved <= mostUnserved) continue;
      chosen = lane;
      mostUnserved = unserved;
    }
    if (chosen?.pending === undefined) return undefined;
    const frame = chosen.pending;
    chosen.pending = undefined;
    chosen.taken += 1;
    chosen.lastTakenMs = nowMs;
    chosen.dueMs = Math.max(chosen.dueMs + chosen.intervalMs, frame.ptsNs / 1e6);
    return frame;
  }

  /** How many frames wait. */
  get waiting(): number {
    let count = 0;
    for (const lane of this.lanes.values()) if (lane.pending !== undefined) count += 1;
    return count;
  }

  /** offered = taken + all skipped + (1 if a frame waits). */
  counts(camera: string): ScheduleCounts | undefined {
    const lane = this.lanes.get(camera);
    return lane && { offered: lane.offered, taken: lane.taken, skipped: { ...lane.skipped } };
  }
}

/** Keeps the spacing, and starts anew where presentation time does. */
function followTimeline(lane: Lane, session: string, ptsMs: number): void {
  const stepMs = ptsMs - lane.lastPtsMs;
  const isNew = session !== lane.session || stepMs < 0 || stepMs > MAX_STEP_MS;
  lane.session = session;
  lane.lastPtsMs = ptsMs;
  if (isNew) {
    lane.dueMs = ptsMs;
    lane.spacingMs = 0;
  } else lane.spacingMs += (stepMs - lane.spacingMs) * (lane.spacingMs === 0 ? 1 : 0.1);
}
