// How many frames an open engine infers when it never waits for one.
import type { InferenceEngine } from './engine.ts';
import { runsOnCpu } from './layout.ts';
import { waitedForCoreMs } from './run-queue.ts';

export interface Throughput {
  readonly fps: number;
  /** On CPUs what it would have been, had no other process taken a core from it: at most what its processor time allows. */
  readonly undisturbedFps: number;
  /** Processor time of this process per frame; with an accelerator that is what driving it costs. */
  readonly cpuMsPerFrame: number;
  /** Of one run on one lane. */
  readonly runMs: number;
}

/** Waiting for a core for less of a window than this is what every machine does. */
const UNDISTURBED = 0.02;
/** When others took more of a window than this, nothing is known of threads that wait for each other. */
const HOPELESS = 0.5;

/**
 * Runs full batches of whatever the arena holds on every lane for `windowMs`, at least one on each.
 *
 * Each lane's rate counts up to its last result, so that short windows are not blurred by the run that straddles their
 * end. `threads` are those of one session.
 */
export async function measureThroughput(
  engine: InferenceEngine,
  windowMs: number,
  threads: number,
): Promise<Throughput> {
  const lanes = [...new Map(engine.sets.map((set) => [set.lane, set])).values()];
  const waitedBeforeMs = waitedForCoreMs();
  const used = process.cpuUsage();
  const startMs = performance.now();
  const rates = await Promise.all(
    lanes.map(async (set) => {
      let runs = 0;
      let nowMs = startMs;
      do {
        await engine.run(set, set.capacity, () => undefined);
        runs += 1;
        nowMs = performance.now();
      } while (nowMs - startMs < windowMs);
      return { frames: runs * set.capacity, runs, tookMs: nowMs - startMs };
    }),
  );
  const { user, system } = process.cpuUsage(used);
  const waitedMs = waitedForCoreMs() - waitedBeforeMs;
  const frames = rates.reduce((sum, rate) => sum + rate.frames, 0);
  const fps = rates.reduce((sum, rate) => sum + (rate.frames * 1000) / rate.tookMs, 0);
  const tookMs = Math.max(...rates.map((rate) => rate.tookMs));
  const cpuMsPerFrame = (user + system) / 1000 / frames;
  const window: WindowFacts = {
    isWide: threads > 1,
    bound: (lanes.length * threads * 1000) / cpuMsPerFrame,
    lost: waitedMs / (lanes.length * threads) / tookMs,
  };
  return {
    fps,
    undisturbedFps: runsOnCpu(engine.provider) ? undisturbedRate(fps, window) : fps,
    cpuMsPerFrame,
    runMs: Math.max(...rates.map((rate) => rate.tookMs / rate.runs)),
  };
}

export interface WindowFacts {
  /** More than one thread in a session. */
  readonly isWide: boolean;
  /** Frames per second that the processor time allows. */
  readonly bound: number;
  /** Share of the window that threads waited for a core. */
  readonly lost: number;
}

/**
 * A session with one thread waits for nothing but a core, so its rate follows from the processor time that it takes. Threads
 * that wait for each other besides lose at least what they waited for cores.
 */
export function undisturbedRate(fps: number, { isWide, bound, lost }: WindowFacts): number {
  if (lost <= UNDISTURBED) return fps;
  if (!isWide) return Math.max(fps, bound);
  if (lost > HOPELESS) return fps;
  return Math.max(fps, Math.min(fps / (1 - lost), bound));
}
