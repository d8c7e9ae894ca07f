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
  /** When the next frame is wanted; moves on by whole intervals, so the mean rate is exact. */
  dueMs: number;
  /** Smoothed spacing of offered frames. */
  spacingMs: number;
  lastOfferMs: number;
  pending: Frame | undefined;
  offered: number;
  taken: number;
  skipped: Record<SkipCause, number>;
}

/**
 * Holds at most one frame per camera, the newest, and hands out the one that is wanted most.
 *
 * Each camera is due once per `1000 / fps` ms. A frame that comes earlier than half a frame spacing
 * before its due time is skipped: the next one will be fresher. Among waiting frames the one that is
 * late by the most intervals goes first: under overload every camera keeps the same share of the rate
 * it asked for and none starves. A late camera gets no credit for what it missed.
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
      dueMs: Number.NEGATIVE_INFINITY,
      spacingMs: 0,
      lastOfferMs: Number.NEGATIVE_INFINITY,
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
  offer(frame: Frame, nowMs: number): boolean {
    const lane = this.lanes.get(frame.camera);
    if (lane === undefined) return false;
    lane.offered += 1;
    if (lane.dueMs === Number.NEGATIVE_INFINITY) lane.dueMs = nowMs;
    const gapMs = nowMs - lane.lastOfferMs;
    lane.lastOfferMs = nowMs;
    if (gapMs < 2000) lane.spacingMs += (gapMs - lane.spacingMs) * 0.1;
    if (nowMs < lane.dueMs - Math.min(lane.spacingMs, lane.intervalMs) / 2) {
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
    let mostLate = Number.NEGATIVE_INFINITY;
    for (const lane of this.lanes.values()) {
      if (lane.pending === undefined) continue;
      const intervalsLate = (nowMs - lane.dueMs) / lane.intervalMs;
      if (chosen !== undefined && intervalsLate <= mostLate) continue;
      chosen = lane;
      mostLate = intervalsLate;
    }
    if (chosen?.pending === undefined) return undefined;
    const frame = chosen.pending;
    chosen.pending = undefined;
    chosen.taken += 1;
    chosen.dueMs = Math.max(chosen.dueMs + chosen.intervalMs, nowMs);
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
