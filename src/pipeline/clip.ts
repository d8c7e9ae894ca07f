// Clips: the last seconds of each camera's stream as it was sent, kept in memory until a rule wants a piece of it as a file.
import { setImmediate } from 'node:timers/promises';
import type { Frame } from '../contracts/frame.ts';
import type { Clip } from '../contracts/sink.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { type AccessUnit, toPts90k } from './encoded-pipe.ts';
import { durationS, mp4Head, sampleOf } from './mp4.ts';

export interface ClipSettings {
  readonly before_s: number;
  readonly after_s: number;
  /** Of one camera's stream, in memory. */
  readonly buffer_mb: number;
}

export interface ClipDeps {
  readonly clock: Clock;
  readonly log: Log;
  deliver(clip: Clip): void;
}

interface Pending {
  readonly path: string;
  readonly frame: Frame;
  readonly from: number;
  readonly to: number;
  readonly timer: Timer;
}

interface Reel {
  units: AccessUnit[];
  bytes: number;
  pending: Pending[];
}

const SECOND = 90_000;
/** Pictures arrive in the order of decoding: by so much later than others that are shown after them, at most. */
const REORDER = SECOND;
const MEGABYTE = 1024 * 1024;
/** A rule fires so much after the frame it is about, at most; until then the frame's past is kept. */
const LATE_S = 3;
/** A stream that stands still is waited for so long beyond the end of a clip. */
const GRACE_MS = 5000;
/** Rules that fire like mad share a camera's memory, not the disk. */
const MOST_PENDING = 4;
/** Converted at a time, so that frames need not wait: about 2 ms. */
const PORTION_BYTES = 2 * MEGABYTE;

/**
 * Keeps whole groups of pictures, so that every clip begins with a key frame: at or before the moment it should, later
 * only when the memory is too small. A change of the stream's format or a new session begins anew.
 */
export class ClipKeeper {
  private readonly deps: ClipDeps;
  private settings: ClipSettings;
  private readonly reels = new Map<string, Reel>();
  private working: Promise<void> = Promise.resolve();

  constructor(settings: ClipSettings, deps: ClipDeps) {
    this.settings = settings;
    this.deps = deps;
  }

  /** Applies to clips that are asked for from now on. */
  setSettings(settings: ClipSettings): void {
    this.settings = settings;
  }

  /** True when that is news: the camera is then to send its access units, or to stop sending them. */
  watch(camera: string, isWanted: boolean): boolean {
    if (this.reels.has(camera) === isWanted) return false;
    if (isWanted) this.reels.set(camera, { units: [], bytes: 0, pending: [] });
    else {
      this.end(camera);
      this.reels.delete(camera);
    }
    return true;
  }

  unit(camera: string, unit: AccessUnit): void {
    const reel = this.reels.get(camera);
    if (reel === undefined) return;
    if (unit.configChanged) this.end(camera);
    reel.units.push(unit);
    reel.bytes += unit.data.length;
    for (const pending of [...reel.pending]) {
      if (unit.pts > pending.to + REORDER) this.finish(reel, pending);
    }
    this.forget(reel, unit.pts);
  }

  /** False when there is nothing of this camera to cut a clip from; else it is delivered when it is over. */
  cut(frame: Frame, path: string): boolean {
    const reel = this.reels.get(frame.camera);
    if (reel === undefined || reel.units.length === 0) return false;
    if (reel.pending.some((pending) => pending.path === path)) return true;
    if (reel.pending.length >= MOST_PENDING) return false;
    const { before_s, after_s } = this.settings;
    const moment = toPts90k(frame.ptsNs);
    const timer = this.deps.clock.after(
      after_s * 1000 + GRACE_MS,
      () => this.finish(reel, pending),
      true,
    );
    const from = moment - before_s * SECOND;
    const pending: Pending = { path, frame, timer, from, to: moment + after_s * SECOND };
    reel.pending.push(pending);
    return true;
  }

  /** The stream is over: clips end where it does. */
  end(camera: string): void {
    const reel = this.reels.get(camera);
    if (reel === undefined) return;
    for (const pending of [...reel.pending]) this.finish(reel, pending);
    reel.units = [];
    reel.bytes = 0;
  }

  /** Ends all clips where they are; resolves when they are delivered. */
  async drain(): Promise<void> {
    for (const camera of this.reels.keys()) this.end(camera);
    await this.working;
  }

  /** Whole groups of pictures go: those that no clip to come needs, and any when there is no room. */
  private forget(reel: Reel, newest: number): void {
    const wanted = [newest - (this.settings.before_s + LATE_S) * SECOND];
    for (const { from } of reel.pending) wanted.push(from);
    const needed = Math.min(...wanted);
    for (;;) {
      const next = reel.units.findIndex(({ key }, i) => key && i > 0);
      if (next === -1) break;
      const isSpare = reel.units[next]!.pts <= needed;
      if (!isSpare && reel.bytes <= this.settings.buffer_mb * MEGABYTE) break;
      for (const { data } of reel.units.splice(0, next)) reel.bytes -= data.length;
    }
  }

  private finish(reel: Reel, pending: Pending): void {
    pending.timer.cancel();
    reel.pending = reel.pending.filter((other) => other !== pending);
    const units = piece(reel.units, pending);
    this.working = this.working.then(() => this.make(units, pending));
  }

  private async make(units: readonly AccessUnit[], { frame, path }: Pending): Promise<void> {
    const { log, deliver } = this.deps;
    const { camera, widthPx, heightPx } = frame;
    const [first] = units;
    try {
      if (first === undefined) throw new Error('nothing was received of that time');
      const samples: Buffer[] = [];
      let bytes = 0;
      for (const unit of units) {
        samples.push(sampleOf(unit));
        bytes += unit.data.length;
        if (bytes < PORTION_BYTES) continue;
        bytes = 0;
        await setImmediate();
      }
      const head = mp4Head({ units, samples, widthPx, heightPx });
      const ts = new Date(first.captureMs).toISOString();
      deliver({ camera, path, ts, duration_s: durationS(units), parts: [head, ...samples] });
    } catch (error) {
      log.warn({ camera, path, cause: causeText(error) }, 'no clip');
    }
  }
}

/**
 * From the last key frame at or before the beginning to the last picture in time, with all that were decoded before
 * it: it may need them. Pictures that need what was before the key frame are left out.
 */
function piece(units: readonly AccessUnit[], { from, to }: Pending): AccessUnit[] {
  const begin = units.findLastIndex(({ key, pts }) => key && pts <= from);
  const first = begin === -1 ? units.findIndex(({ key }) => key) : begin;
  if (first === -1) return [];
  const { pts: start } = units[first]!;
  const last = units.findLastIndex(({ pts }) => pts <= to);
  return units.slice(first, last + 1).filter(({ pts }) => pts >= start);
}
