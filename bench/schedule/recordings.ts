// Recordings of real footage as cameras of one machine, through scheduler and trackers in virtual time.
import { readFileSync } from 'node:fs';
import type { FrameDetections } from '../../src/contracts/detection.ts';
import type { Frame } from '../../src/contracts/frame.ts';
import type { Tracker } from '../../src/contracts/track.ts';
import { attentionTo } from '../../src/pipeline/attention.ts';
import { noticeEveryMs } from '../../src/pipeline/frame-rate.ts';
import type { Wish } from '../../src/pipeline/lane.ts';
import { parseFrame, parseHead } from '../../src/pipeline/recording.ts';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import { DEFAULT_TRACKING } from '../../src/track/tracking-config.ts';

/** A confirmed object. */
export interface SeenObject {
  readonly camera: string;
  readonly label: string;
  readonly fromMs: number;
  toMs: number;
}

export interface Playback {
  readonly offered: number;
  readonly inferred: number;
  readonly objects: readonly SeenObject[];
}

/** A recording begins and ends with a minute of stillness, of which this much, next to what happens, is repeated. */
const STILL_MS = 40_000;
const STILL_TO_MS = 60_000;
/** Spacings below which a camera process leaves no frame out. */
const LEAST_WORTHWHILE = 1.25;

export function readRecording(path: string): FrameDetections[] {
  const [head, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  parseHead(head!, path);
  return lines.map((line, i) => parseFrame(line, path, i + 2));
}

/**
 * Makes `count` cameras of the recordings in turn, each `minutes` long: the stillness before and after what happens is
 * repeated, so that it happens at another time in each.
 */
export function stretched(
  recordings: readonly (readonly FrameDetections[])[],
  count: number,
  minutes: number,
): FrameDetections[][] {
  return Array.from({ length: count }, (_, i) => {
    const recording = recordings[i % recordings.length]!;
    const spacingMs = lengthMs(recording) / recording.length;
    const repeated = Math.round(STILL_MS / spacingMs);
    const end = Math.round(STILL_TO_MS / spacingMs);
    const times = Math.floor(Math.max(0, minutes * 60_000 - lengthMs(recording)) / STILL_MS);
    const before = Math.round((times * (i + 1)) / (count + 1));
    const repeat = (still: readonly FrameDetections[], n: number): FrameDetections[] =>
      Array.from({ length: n }, () => still).flat();
    const all = [
      ...recording.slice(0, end),
      ...repeat(recording.slice(end - repeated, end), before),
      ...recording.slice(end),
      ...repeat(recording.slice(-repeated), times - before),
    ];
    return all.map((result, k) => at(result, `c${i}`, k + 1, k * spacingMs));
  });
}

function lengthMs(recording: readonly FrameDetections[]): number {
  const last = recording.at(-1)!.frame.ptsNs / 1e6;
  return (last * recording.length) / (recording.length - 1);
}

function at(
  result: FrameDetections,
  camera: string,
  sequence: number,
  ms: number,
): FrameDetections {
  const time = { ptsNs: ms * 1e6, captureMs: ms, arrivedMs: ms };
  return { ...result, frame: { ...result.frame, camera, sequence, ...time } };
}

/**
 * What a camera process tells of these frames: about one in each wanted interval of their own time, on a grid that stays,
 * with the movement since the last one. So the frames are the same whether still ones are left out later or not.
 */
function told(camera: readonly FrameDetections[], fps: number): FrameDetections[] {
  const everyMs = noticeEveryMs(fps);
  const spacingMs = lengthMs(camera) / camera.length;
  if (everyMs < spacingMs * LEAST_WORTHWHILE) return [...camera];
  let dueMs = camera[0]!.frame.ptsNs / 1e6;
  let untold = 0;
  let motion = 0;
  return camera.flatMap((result) => {
    const ptsMs = result.frame.ptsNs / 1e6;
    motion = result.frame.motion || motion;
    if (ptsMs < dueMs - spacingMs / 2) {
      untold += 1;
      return [];
    }
    const frame = { ...result.frame, motion, untold };
    dueMs = Math.max(dueMs, ptsMs - everyMs) + everyMs;
    untold = 0;
    motion = 0;
    return [{ ...result, frame }];
  });
}

/** One inference at a time takes `serviceMs`; its tracks are known when it is over. */
export function play(
  cameras: readonly (readonly FrameDetections[])[],
  wish: (camera: readonly FrameDetections[]) => Wish,
  serviceMs: number,
): Playback {
  const scheduler = new Scheduler();
  const trackers = new Map<string, Tracker>();
  const known = new Map<string, SeenObject>();
  const wishes = new Map<string, Wish>();
  let ids = 0;
  for (const camera of cameras) {
    const { camera: name } = camera[0]!.frame;
    // Which frames are told of is settled above.
    wishes.set(name, { ...wish(camera), isPaced: false });
    scheduler.setCamera(name, wishes.get(name)!);
    trackers.set(name, createTracker(DEFAULT_TRACKING, { idFor: () => `${name}/${++ids}` }));
  }
  const frames = cameras
    .flatMap((camera) => told(camera, wishes.get(camera[0]!.frame.camera)!.fps))
    .sort((a, b) => a.frame.arrivedMs - b.frame.arrivedMs);
  let running: { frame: Frame; index: number; untilMs: number } | undefined;
  let inferred = 0;
  const waiting = new Map<string, number>();

  const finish = (frame: Frame, index: number): void => {
    inferred += 1;
    const tracks = trackers.get(frame.camera)!.update(frame, frames[index]!.detections);
    scheduler.attend(frame.camera, attentionTo(tracks, wishes.get(frame.camera)!.fps));
    for (const track of tracks.tracks) {
      if (track.phase !== 'confirmed') continue;
      const object = known.get(track.id);
      if (object !== undefined) object.toMs = frame.arrivedMs;
      else {
        const { label } = track;
        const fromMs = frame.arrivedMs;
        known.set(track.id, { camera: frame.camera, label, fromMs, toMs: fromMs });
      }
    }
  };
  const advance = (nowMs: number): void => {
    for (;;) {
      if (running !== undefined) {
        if (running.untilMs > nowMs) return;
        finish(running.frame, running.index);
      }
      const startMs = running?.untilMs ?? nowMs;
      const frame = scheduler.take(startMs);
      running = frame && { frame, index: waiting.get(frame.camera)!, untilMs: startMs + serviceMs };
      if (running === undefined) return;
    }
  };
  frames.forEach(({ frame }, i) => {
    advance(frame.arrivedMs);
    if (scheduler.offer(frame)) waiting.set(frame.camera, i);
    advance(frame.arrivedMs);
  });
  const offered = cameras.reduce((sum, camera) => sum + camera.length, 0);
  return { offered, inferred, objects: [...known.values()] };
}

export interface Recall {
  readonly of: number;
  readonly found: number;
  /** How much later they were confirmed, sorted. */
  readonly laterMs: readonly number[];
}

/** Objects of `all` that `some` has too: same camera and label, confirmed within `withinMs`. */
export function recall(
  all: readonly SeenObject[],
  some: readonly SeenObject[],
  withinMs: number,
): Recall {
  const left = new Set(some);
  const laterMs: number[] = [];
  for (const object of all) {
    let best: SeenObject | undefined;
    for (const other of left) {
      if (other.camera !== object.camera || other.label !== object.label) continue;
      const off = Math.abs(other.fromMs - object.fromMs);
      if (off <= withinMs && off < Math.abs((best?.fromMs ?? Infinity) - object.fromMs))
        best = other;
    }
    if (best === undefined) continue;
    left.delete(best);
    laterMs.push(best.fromMs - object.fromMs);
  }
  return { of: all.length, found: laterMs.length, laterMs: laterMs.sort((a, b) => a - b) };
}
