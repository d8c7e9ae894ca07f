// Cameras and inference lanes in virtual time around the real scheduler.
import type { Frame } from '../../src/contracts/frame.ts';
import type { ScheduleCounts, Wish } from '../../src/pipeline/lane.ts';
import { Scheduler } from '../../src/pipeline/scheduler.ts';

export interface SimulatedCamera {
  readonly streamFps: number;
  readonly wish: Wish;
  /** Share of the picture that moves at this presentation time; absent: always all. */
  readonly motionAt?: (ptsMs: number) => number;
}

export interface Simulation {
  readonly cameras: readonly SimulatedCamera[];
  /** One inference; `lanes` run side by side. */
  readonly serviceMs: number;
  readonly lanes?: number;
  readonly forMs: number;
  /** Added to the machine's clock at a time: a clock that leaps. */
  readonly leap?: { readonly atMs: number; readonly byMs: number };
}

export interface Served extends ScheduleCounts {
  /** Longest time between two turns. */
  readonly longestGapMs: number;
  /** Results no older than a spacing of the stream and two inferences, counted from arrival. */
  readonly useful: number;
}

export interface SimulationResult {
  readonly cameras: readonly Served[];
  readonly waiting: number;
  /** From arrival to result, sorted. */
  readonly agesMs: readonly number[];
}

/** Steps of one millisecond; frames of the cameras are spread evenly over their spacing. */
export function simulate(simulation: Simulation): SimulationResult {
  const { cameras, serviceMs, lanes = 1, forMs, leap } = simulation;
  const scheduler = new Scheduler();
  const streams = cameras.map(({ streamFps, wish }, i) => {
    scheduler.setCamera(`c${i}`, wish);
    const spacingMs = 1000 / streamFps;
    return {
      spacingMs,
      firstMs: (spacingMs * i) / cameras.length,
      sent: 0,
      lastMs: 0,
      gapMs: 0,
      useful: 0,
    };
  });
  const freeAtMs = Array.from({ length: lanes }, () => 0);
  const agesMs: number[] = [];
  const clockAt = (ms: number): number => ms + (leap && ms >= leap.atMs ? leap.byMs : 0);
  for (let nowMs = 0; nowMs < forMs; nowMs += 1) {
    streams.forEach((stream, i) => {
      if (nowMs < stream.firstMs + stream.sent * stream.spacingMs) return;
      stream.sent += 1;
      const ptsMs = stream.sent * stream.spacingMs;
      scheduler.offer(
        frameAt(`c${i}`, stream.sent, ptsMs, nowMs, cameras[i]!.motionAt?.(ptsMs) ?? 1),
      );
    });
    for (let lane = 0; lane < lanes; lane++) {
      while (freeAtMs[lane]! <= nowMs) {
        const frame = scheduler.take(clockAt(nowMs));
        if (frame === undefined) break;
        freeAtMs[lane] = Math.max(freeAtMs[lane]!, nowMs - 1) + serviceMs;
        const i = Number(frame.camera.slice(1));
        const stream = streams[i]!;
        stream.gapMs = Math.max(stream.gapMs, nowMs - stream.lastMs);
        stream.lastMs = nowMs;
        const ageMs = nowMs + serviceMs - frame.arrivedMs;
        agesMs.push(ageMs);
        if (ageMs <= stream.spacingMs + 2 * serviceMs) stream.useful += 1;
      }
    }
  }
  return {
    cameras: streams.map(({ gapMs, lastMs, useful }, i) => ({
      ...scheduler.counts(`c${i}`)!,
      longestGapMs: Math.max(gapMs, forMs - lastMs),
      useful,
    })),
    waiting: scheduler.waiting,
    agesMs: agesMs.sort((a, b) => a - b),
  };
}

function frameAt(
  camera: string,
  sequence: number,
  ptsMs: number,
  nowMs: number,
  motion: number,
): Frame {
  return {
    camera,
    session: 'simulated',
    sequence,
    ptsNs: ptsMs * 1e6,
    captureMs: nowMs,
    captureClock: 'host',
    arrivedMs: nowMs,
    widthPx: 1920,
    heightPx: 1080,
    motion,
  };
}
