// Stage `schedule`: which camera's frame is inferred next. Pure: no timers, time is an argument.
import type { Frame } from '../contracts/frame.ts';
import type { Attention } from './attention.ts';
import { Lane, type ScheduleCounts, type SkipCause, type Wish } from './lane.ts';

/**
 * Holds at most one frame per camera, the newest, and hands out the one that is wanted most.
 *
 * Each camera is wanted once per `1000 / fps` ms of its own presentation time, in which the jitter of
 * network and scheduling does not show; once per `1000 / idleFps` while nothing moves and no track is in
 * doubt. A frame earlier than half a spacing before the wanted time is skipped: the next one fits better.
 *
 * Among waiting frames those go first whose camera is below its floor, by the most of its longest
 * intervals; then by lateness in the camera's own intervals × priority × urgency of its tracks. Both
 * grow with time for everybody who waits, so none starves. A late camera gets no credit for what it missed.
 *
 * Cameras whose wanted frames would arrive together are wanted at other frames, where there are any (phases.ts).
 */
export class Scheduler {
  private readonly lanes = new Map<string, Lane>();
  private readonly onGrid: (camera: string, ptsMs: number) => void;

  /** `onGrid` hears when the frames that are wanted of a camera are others than before: those at whole intervals from `ptsMs` on. */
  constructor(onGrid: (camera: string, ptsMs: number) => void = () => {}) {
    this.onGrid = onGrid;
  }

  /** Adds a camera or changes what is wanted of it. Returns its skipped frames by cause, which go on to be counted. */
  setCamera(camera: string, wish: Wish): Readonly<Record<SkipCause, number>> {
    const known = this.lanes.get(camera);
    known?.setWish(wish);
    const lane = known ?? this.createLane(camera, wish);
    this.lanes.set(camera, lane);
    return lane.skipped;
  }

  removeCamera(camera: string): void {
    this.lanes.delete(camera);
  }

  /** Takes notice of what the newest tracks of a camera ask for. */
  attend(camera: string, attention: Attention): void {
    this.lanes.get(camera)?.attend(attention);
  }

  /** Forgets the pending frame and the tracks of a camera whose process is gone. */
  reset(camera: string): void {
    this.lanes.get(camera)?.reset();
  }

  /** Takes notice of a decoded frame. Returns true when it is now waiting to be taken. */
  offer(frame: Frame): boolean {
    return this.lanes.get(frame.camera)?.offer(frame) ?? false;
  }

  /** The waiting frame that is wanted most, or undefined. */
  take(nowMs: number): Frame | undefined {
    let chosen: Lane | undefined;
    let isOwed = false;
    let most = Number.NEGATIVE_INFINITY;
    for (const lane of this.lanes.values()) {
      if (lane.pending === undefined) continue;
      const owed = lane.owed(nowMs);
      if (isOwed && owed < 1) continue;
      const claim = owed < 1 ? lane.claim(nowMs) : owed;
      if (chosen !== undefined && isOwed === owed >= 1 && claim <= most) continue;
      chosen = lane;
      isOwed = owed >= 1;
      most = claim;
    }
    return chosen?.take(nowMs);
  }

  /** How many frames wait. */
  get waiting(): number {
    let count = 0;
    for (const lane of this.lanes.values()) if (lane.pending !== undefined) count += 1;
    return count;
  }

  /** offered = taken + all skipped + (1 if a frame waits). */
  counts(camera: string): ScheduleCounts | undefined {
    return this.lanes.get(camera)?.counts();
  }

  private createLane(camera: string, wish: Wish): Lane {
    const lane: Lane = new Lane(wish, {
      gridMoved: (ptsMs) => this.onGrid(camera, ptsMs),
      others: () =>
        [...this.lanes.values()].flatMap((other) => (other === lane ? [] : (other.rhythm ?? []))),
    });
    return lane;
  }
}
