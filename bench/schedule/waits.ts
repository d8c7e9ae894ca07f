// How long frames wait for the model, by when cameras' frames arrive: virtual time around the real scheduler.
import { noticeEveryMs } from '../../src/pipeline/frame-rate.ts';
import { foldMs } from '../../src/pipeline/phases.ts';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { frameOf } from '../../test/fakes/frames.ts';

export interface WaitingCamera {
  readonly streamFps: number;
  readonly fps: number;
  /** When its first frame arrives. */
  readonly firstMs: number;
  /** By how much its clock is slow. */
  readonly driftPpm?: number;
}

export interface Waiting {
  readonly cameras: readonly WaitingCamera[];
  /** One inference; `lanes` run side by side. */
  readonly serviceMs: number;
  readonly lanes?: number;
  /** Frames arrive up to so much later than that. */
  readonly jitterMs: number;
  readonly forMs: number;
  /** False: as if no camera knew of the others. */
  readonly isSpread: boolean;
  /** 0 ≤ … < 1. */
  readonly random: () => number;
}

export interface Taken {
  readonly camera: number;
  readonly frame: number;
  readonly ptsMs: number;
  /** When it was told of. */
  readonly arrivedMs: number;
  /** From then until its inference begins. */
  readonly waitedMs: number;
}

export interface WaitingResult {
  readonly taken: readonly Taken[];
  /** When the grid of a camera was placed anew, but for its first place. */
  readonly steps: readonly { readonly camera: number; readonly atMs: number }[];
}

/** Camera processes tell of frames on their grid only, as they do. */
export function wait(waiting: Waiting): WaitingResult {
  const { cameras, serviceMs, lanes = 1, isSpread } = waiting;
  let nowMs = 0;
  const steps: { camera: number; atMs: number }[] = [];
  const states = cameras.map(() => ({
    atMs: undefined as number | undefined,
    told: 0,
    sinceMs: -1,
  }));
  const scheduler = new Scheduler((name, atMs) => {
    const camera = Number(name);
    if (states[camera]!.atMs !== undefined) steps.push({ camera, atMs: nowMs });
    states[camera]!.atMs = atMs;
  });
  cameras.forEach(({ fps }, i) => {
    const wish = { fps, idleFps: fps, minFps: 0.05, priority: 1, isPaced: isSpread };
    scheduler.setCamera(`${i}`, wish);
  });
  const taken: Taken[] = [];
  const freeMs = Array.from({ length: lanes }, () => 0);
  const serve = (untilMs: number): void => {
    for (;;) {
      const lane = freeMs.indexOf(Math.min(...freeMs));
      const startMs = Math.max(nowMs, freeMs[lane]!);
      if (startMs > untilMs) return;
      const frame = scheduler.take(startMs);
      if (frame === undefined) return;
      const camera = Number(frame.camera);
      const { sinceMs } = states[camera]!;
      const { sequence, ptsNs } = frame;
      const waitedMs = startMs - sinceMs;
      taken.push({ camera, frame: sequence - 1, ptsMs: ptsNs / 1e6, arrivedMs: sinceMs, waitedMs });
      states[camera]!.sinceMs = -1;
      freeMs[lane] = startMs + serviceMs;
    }
  };
  for (const { camera, frame, arrivedMs } of arrivals(waiting)) {
    serve(arrivedMs);
    nowMs = arrivedMs;
    const state = states[camera]!;
    const { streamFps, fps } = cameras[camera]!;
    const ptsMs = (frame * 1000) / streamFps;
    const offGridMs = foldMs(ptsMs - (state.atMs ?? 0), noticeEveryMs(fps));
    if (frame > 1 && Math.abs(offGridMs + 1e-6) > 500 / streamFps) continue;
    const untold = frame - state.told;
    state.told = frame + 1;
    const notice = { ptsNs: ptsMs * 1e6, arrivedMs, untold };
    const isWaiting = scheduler.offer(frameOf(`${camera}`, frame + 1, notice));
    if (isWaiting && state.sinceMs < 0) state.sinceMs = arrivedMs;
    serve(arrivedMs);
  }
  return { taken, steps };
}

function arrivals({ cameras, forMs, jitterMs, random }: Waiting): {
  readonly camera: number;
  readonly frame: number;
  readonly arrivedMs: number;
}[] {
  return cameras
    .flatMap(({ streamFps, firstMs, driftPpm = 0 }, camera) => {
      const spacingMs = (1000 / streamFps) * (1 + driftPpm / 1e6);
      let lastMs = 0;
      return Array.from({ length: Math.floor((forMs - firstMs) / spacingMs) }, (_, frame) => {
        lastMs = Math.max(lastMs, firstMs + frame * spacingMs + random() * jitterMs);
        return { camera, frame, arrivedMs: lastMs };
      });
    })
    .sort((a, b) => a.arrivedMs - b.arrivedMs);
}

/** Numbers that look random and are the same each time (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
