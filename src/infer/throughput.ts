// How many frames an open engine infers when it never waits for one.
import type { InferenceEngine } from './engine.ts';
import { waitedForCoreMs } from './run-queue.ts';

export interface Throughput {
  readonly fps: number;
  /** What it would have been, had no other process taken a core from it: at most what its processor time allows. */
  readonly undisturbedFps: number;
  /** Processor time of this process per frame; with an accelerator that is what driving it costs. */
  readonly cpuMsPerFrame: number;
  /** Of one run on one lane. */
  readonly runMs: number;
}

/** When others took more of a window than this, only its processor time says something. */
const MOST_LOST = 0.5;

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
  const workers = lanes.length * threads;
  const cpuMsPerFrame = (user + system) / 1000 / frames;
  const lost = waitedMs / workers / tookMs;
  const bound = (workers * 1000) / cpuMsPerFrame;
  return {
    fps,
    undisturbedFps: lost > MOST_LOST ? bound : Math.max(fps, Math.min(fps / (1 - lost), bound)),
    cpuMsPerFrame,
    runMs: Math.max(...rates.map((rate) => rate.tookMs / rate.runs)),
  };
}
