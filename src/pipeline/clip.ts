// Clips: the last seconds of each camera's stream as it was sent, kept in memory until a rule wants a piece of it as a file.
//
// A camera may send two streams: what is decoded, and a larger one for clips. Both are kept, so that there is a clip of
// the small one where the large one has a gap.
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
  /** Of one stream, in memory. */
  readonly buffer_mb: number;
}

export interface ClipDeps {
  readonly clock: Clock;
  readonly log: Log;
  deliver(clip: Clip): void;
  /** Of the pictures in a camera's stream `record`; undefined before they are known. */
  recordSize?(camera: string): readonly [widthPx: number, heightPx: number] | undefined;
}

/** `detect` is what is decoded, its units have the times of frames; `record` is a stream with a timeline of its own. */
export type ClipStream = 'detect' | 'record';

/** A clip to come, of whichever reel has more of it. */
interface Cut {
  readonly path: string;
  readonly frame: Frame;
  readonly pieces: Piece[];
  /** Reels that have not given their piece. */
  missing: number;
}

interface Piece {
  readonly stream: ClipStream;
  readonly units: readonly AccessUnit[];
  readonly size: readonly [widthPx: number, heightPx: number];
  readonly hasMoment: boolean;
  readonly hasEnd: boolean;
}

/** What one reel owes a cut, on the timeline of its stream. */
interface Pending {
  readonly cut: Cut;
  readonly from: number;
  readonly moment: number;
  readonly to: number;
  readonly timer: Timer;
}

interface Reel {
  readonly stream: ClipStream;
  /** Monotonic milliseconds at which the newest unit came. */
  arrivedMs: number;
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
  private readonly reels: Readonly<Record<ClipStream, Map<string, Reel>>> = {
    detect: new Map(),
    record: new Map(),
  };
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
  watch(camera: string, isWanted: boolean, stream: ClipStream = 'detect'): boolean {
    const reels = this.reels[stream];
    if (reels.has(camera) === isWanted) return false;
    if (isWanted) reels.set(camera, { stream, arrivedMs: 0, units: [], bytes: 0, pending: [] });
    else {
      this.end(camera, stream);
      reels.delete(camera);
    }
    return true;
  }

  unit(camera: string, unit: AccessUnit, stream: ClipStream = 'detect'): void {
    const reel = this.reels[stream].get(camera);
    if (reel === undefined) return;
    if (unit.configChanged) this.end(camera, stream);
    reel.arrivedMs = this.deps.clock.monotonicMs();
    reel.units.push(unit);
    reel.bytes += unit.data.length;
    for (const pending of [...reel.pending]) {
      if (unit.pts > pending.to + REORDER) this.finish(reel, pending);
    }
    this.forget(reel, unit.pts);
  }

  /** False when there is nothing of this camera to cut a clip from; else it is delivered when it is over. */
  cut(frame: Frame, path: string): boolean {
    const reels = [this.reels.record, this.reels.detect]
      .map((all) => all.get(frame.camera))
      .filter((reel) => reel !== undefined && reel.units.length > 0) as Reel[];
    if (reels.length === 0) return false;
    if (reels.some(({ pending }) => pending.some(({ cut }) => cut.path === path))) return true;
    if (reels.some(({ pending }) => pending.length >= MOST_PENDING)) return false;
    const cut: Cut = { path, frame, pieces: [], missing: reels.length };
    for (const reel of reels) this.expect(reel, cut);
    return true;
  }

  /** The stream is over: clips end where it does. */
  end(camera: string, stream: ClipStream = 'detect'): void {
    const reel = this.reels[stream].get(camera);
    if (reel === undefined) return;
    for (const pending of [...reel.pending]) this.finish(reel, pending);
    reel.units = [];
    reel.bytes = 0;
  }

  /** Ends all clips where they are; resolves when they are delivered. */
  async drain(): Promise<void> {
    for (const camera of this.reels.record.keys()) this.end(camera, 'record');
    for (const camera of this.reels.detect.keys()) this.end(camera);
    await this.working;
  }

  private expect(reel: Reel, cut: Cut): void {
    const { before_s, after_s } = this.settings;
    const moment = momentIn(reel, cut.frame);
    const timer = this.deps.clock.after(
      after_s * 1000 + GRACE_MS,
      () => this.finish(reel, pending),
      true,
    );
    const from = moment - before_s * SECOND;
    const pending: Pending = { cut, from, moment, to: moment + after_s * SECOND, timer };
    reel.pending.push(pending);
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
    const { cut } = pending;
    pending.timer.cancel();
    reel.pending = reel.pending.filter((other) => other !== pending);
    cut.pieces.push(pieceOf(reel, pending, this.sizeOf(reel, cut.frame)));
    cut.missing -= 1;
    if (cut.missing === 0) this.working = this.working.then(() => this.make(cut));
  }

  private sizeOf({ stream }: Reel, { camera, widthPx, heightPx }: Frame): Piece['size'] {
    const recorded = stream === 'record' ? this.deps.recordSize?.(camera) : undefined;
    return recorded ?? [widthPx, heightPx];
  }

  private async make({ frame, path, pieces }: Cut): Promise<void> {
    const { log, deliver } = this.deps;
    const { camera } = frame;
    const { units, stream, size } = best(pieces);
    const [first] = units;
    try {
      if (first === undefined) throw new Error('nothing was received of that time');
      if (stream === 'detect' && this.reels.record.has(camera)) {
        log.warn({ camera, path }, 'clip of the decoded stream: the recorded one has a gap there');
      }
      const samples: Buffer[] = [];
      let bytes = 0;
      for (const unit of units) {
        samples.push(sampleOf(unit));
        bytes += unit.data.length;
        if (bytes < PORTION_BYTES) continue;
        bytes = 0;
        await setImmediate();
      }
      const [widthPx, heightPx] = size;
      const head = mp4Head({ units, samples, widthPx, heightPx });
      const ts = new Date(first.captureMs).toISOString();
      deliver({ camera, path, ts, duration_s: durationS(units), parts: [head, ...samples] });
    } catch (error) {
      log.warn({ camera, path, cause: causeText(error) }, 'no clip');
    }
  }
}

/**
 * When the frame was, in the time stamps of the reel's stream (90 kHz).
 *
 * Two streams of a camera have nothing in common but the wall clock: the picture that was captured when the frame was is
 * found by capture time, which both have from the camera (RTCP) or both from their arrival here. Where one stream has
 * the camera's clock and the other not yet, by when the agent heard of them.
 */
function momentIn({ stream, units, arrivedMs }: Reel, frame: Frame): number {
  if (stream === 'detect') return toPts90k(frame.ptsNs);
  const alike = units.findLast(({ captureClock }) => captureClock === frame.captureClock);
  const { pts } = alike ?? units.at(-1)!;
  const laterMs = alike ? frame.captureMs - alike.captureMs : frame.arrivedMs - arrivedMs;
  return pts + Math.round((laterMs * SECOND) / 1000);
}

/**
 * From the last key frame at or before the beginning to the last picture in time, with all that were decoded before
 * it: it may need them. Pictures that need what was before the key frame are left out.
 */
function pieceOf(
  { stream, units: all }: Reel,
  { from, moment, to }: Pending,
  size: Piece['size'],
): Piece {
  const begin = all.findLastIndex(({ key, pts }) => key && pts <= from);
  const first = begin === -1 ? all.findIndex(({ key }) => key) : begin;
  const start = all[first]?.pts ?? Number.POSITIVE_INFINITY;
  const last = all.findLastIndex(({ pts }) => pts <= to);
  const units = first === -1 ? [] : all.slice(first, last + 1).filter(({ pts }) => pts >= start);
  const reaches = (time: number): boolean => units.some(({ pts }) => pts >= time);
  return {
    stream,
    units,
    size,
    hasMoment: start <= moment && reaches(moment),
    hasEnd: reaches(to - REORDER),
  };
}

/** The one that shows the moment, and all that follows; of two that do, the recorded one. */
function best(pieces: readonly Piece[]): Piece {
  const worth = ({ stream, units, hasMoment, hasEnd }: Piece): number => {
    if (units.length === 0) return -1;
    return (hasMoment ? 4 : 0) + (hasEnd ? 2 : 0) + (stream === 'record' ? 1 : 0);
  };
  return pieces.reduce((one, other) => (worth(other) > worth(one) ? other : one));
}
