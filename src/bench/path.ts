// The whole path: an agent with cameras that play a clip, watched for a while.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Agent } from '../agent.ts';
import { requireValid } from '../config/load.ts';
import type { Config } from '../config/schema/config.ts';
import { validate } from '../config/validate.ts';
import type { ModelManifest } from '../contracts/model.ts';
import type { Clock } from '../core/clock.ts';
import { AgentError } from '../core/errors.ts';
import { type Bucket, Histogram } from '../core/histogram.ts';
import type { Log } from '../core/log.ts';
import { childrenOf, cpuMs, pssMb, rssMb } from '../hw/process-usage.ts';
import type { Layout } from '../infer/layout.ts';
import { pause } from './camera-cost.ts';

export interface PathOptions {
  readonly clip: string;
  readonly manifest: ModelManifest;
  readonly runtime: Config['runtime'];
  readonly layout: Layout;
  readonly cameras: number;
  /** Analysed per camera and second. Undefined: every frame, and the clip as fast as frames are taken. */
  readonly fps?: number | undefined;
  readonly windowMs: number;
  /** From the last camera's first frame to the window. The compiler of Node takes 20 s of frames to know the hot paths. */
  readonly settleMs?: number;
  /** For what the agent keeps while it runs. */
  readonly folder: string;
  readonly runtimeLibrary: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface PathMeasure {
  /** Inferred, all cameras together. */
  readonly fps: number;
  /** All processes, per inferred frame. */
  readonly cpuMsPerFrame: number;
  readonly printUs: number;
  readonly bytesPerFrame: number;
  readonly agentRssMb: number;
  /** Of the largest camera process. */
  readonly cameraPssMb: number;
  /** Agent and camera processes together; what they share counts once. */
  readonly pssMb: number;
  readonly loopDelayP99Ms: number;
  /** Of the slowest camera, as a share of the rate it asked for; 1 where none was asked for. */
  readonly leastShare: number;
  readonly latency: LatencyMeasure;
  /** Runs by the frames in them. */
  readonly batches: readonly { readonly frames: number; readonly runs: number }[];
}

/** From capture to detections, of every analysed frame. */
export interface LatencyMeasure {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly buckets: readonly Bucket[];
}

const SETTLE_MS = 500;
const LOOP_TIMER_MS = 1;
const LIVE_LIMIT_MS = 60_000;
const NOWHERE = {
  name: 'nowhere',
  start: async (): Promise<void> => undefined,
  stop: async (): Promise<void> => undefined,
  write: (): void => undefined,
  health: () => ({}),
};

/** Takes the window and about two seconds around it. */
export async function measurePath(options: PathOptions): Promise<PathMeasure> {
  const { manifest, log, clock, windowMs } = options;
  const latency = new Histogram();
  const agent = new Agent({
    config: benchConfig(options),
    manifest,
    sinks: NOWHERE,
    runtimeLibrary: options.runtimeLibrary,
    cameraEnvironment: options.environment,
    clock,
    log,
    onDetections: ({ frame }) => latency.add(clock.wallMs() - frame.captureMs),
  });
  await agent.start();
  try {
    await allLive(agent, clock);
    await pause(options.settleMs ?? SETTLE_MS);
    return await watch(agent, latency, windowMs, options.fps);
  } finally {
    await agent.stop();
  }
}

/** The configuration of cameras that all play the clip; `runtime` as given, in the layout that was measured. */
export function benchConfig(
  options: Pick<PathOptions, 'clip' | 'cameras' | 'fps' | 'folder' | 'runtime' | 'layout'>,
): Config {
  const { clip, fps, folder, runtime, layout } = options;
  const rate = fps ?? 60;
  const camera = {
    url: clip,
    // Cameras that stand still would be analysed less often, and the clip's movement is not the user's.
    ...{ fps: rate, idle_fps: rate, realtime: fps !== undefined },
  };
  const cameras = Object.fromEntries(
    Array.from({ length: options.cameras }, (_, at) => [`bench${at}`, camera]),
  );
  const text = JSON.stringify({
    cameras,
    runtime: withLayout(runtime, layout),
    storage: { path: folder, stills: { enabled: false } },
  });
  return requireValid(validate(text, { name: 'bench', environment: {} }), 'bench').config;
}

export function withLayout(
  runtime: Config['runtime'],
  { sessions, threads, batch }: Layout,
): Config['runtime'] {
  return { ...runtime, sessions, threads, batch: { ...runtime.batch, max_batch_size: batch } };
}

async function allLive(agent: Agent, clock: Clock): Promise<void> {
  const startMs = clock.monotonicMs();
  for (;;) {
    const waiting = agent.cameraStatuses().filter(({ state }) => state !== 'live');
    if (waiting.length === 0) return;
    if (clock.monotonicMs() - startMs > LIVE_LIMIT_MS) {
      const [{ last_error: error } = { last_error: null }] = waiting;
      const problem = `${waiting.length} cameras do not come live: ${error ?? 'no reason is known'}`;
      throw new AgentError('USAGE', { problem });
    }
    await pause(50);
  }
}

async function watch(
  agent: Agent,
  latency: Histogram,
  windowMs: number,
  fps: number | undefined,
): Promise<PathMeasure> {
  const { metrics } = agent;
  for (const one of [latency, metrics.batchFrames]) one.reset();
  const cameras = [...metrics.cameras.values()];
  const sum = (of: (camera: (typeof cameras)[number]) => number) =>
    cameras.reduce((total, camera) => total + of(camera), 0);
  const children = childrenOf(process.pid);
  const cpuNow = () => [process.pid, ...children].reduce((total, pid) => total + cpuMs(pid), 0);
  const loop = monitorEventLoopDelay({ resolution: LOOP_TIMER_MS });
  loop.enable();
  const before = { ms: performance.now(), cpu: cpuNow(), bytes: sum((one) => one.printedBytes) };
  const inferredBefore = cameras.map((camera) => camera.inferredFrames);
  await pause(windowMs);
  const seconds = (performance.now() - before.ms) / 1000;
  loop.disable();
  const inferred = cameras.map((one, at) => one.inferredFrames - (inferredBefore[at] ?? 0));
  const frames = inferred.reduce((total, one) => total + one, 0);
  return {
    fps: frames / seconds,
    cpuMsPerFrame: (cpuNow() - before.cpu) / frames,
    printUs: cameras[0]?.printUs.meanMs ?? Number.NaN,
    bytesPerFrame: (sum((one) => one.printedBytes) - before.bytes) / frames,
    agentRssMb: rssMb(process.pid),
    cameraPssMb: Math.max(...children.map(pssMb)),
    pssMb: [process.pid, ...children].reduce((total, pid) => total + pssMb(pid), 0),
    // What Node records is the time between two calls of its timer.
    loopDelayP99Ms: Math.max(0, loop.percentile(99) / 1e6 - LOOP_TIMER_MS),
    leastShare: fps === undefined ? 1 : Math.min(...inferred) / seconds / fps,
    latency: {
      p50Ms: latency.percentileMs(0.5),
      p95Ms: latency.percentileMs(0.95),
      p99Ms: latency.percentileMs(0.99),
      buckets: latency.buckets(),
    },
    batches: metrics.batchFrames
      .buckets()
      .map(({ upToMs, count }) => ({ frames: Math.floor(upToMs), runs: count })),
  };
}
