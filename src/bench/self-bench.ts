// `vedette bench`: measures one thing after the other and puts together what follows from it.
import { availableParallelism } from 'node:os';
import type { Config } from '../config/schema/config.ts';
import type { CapacityProfile, Fingerprint } from '../contracts/capacity.ts';
import type { ModelManifest } from '../contracts/model.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { findHardwareDecoders } from '../hw/hardware-decoders.ts';
import { runsOnCpu } from '../infer/layout.ts';
import { openEngine } from '../infer/open-engine.ts';
import { measureThroughput, type Throughput } from '../infer/throughput.ts';
import { findRuntimeLibrary } from '../native/runtime-library.ts';
import { describeRuntime } from '../native/session.ts';
import { streamsSupported } from '../pipeline/admission.ts';
import { cameraPlan } from '../pipeline/camera-plan.ts';
import { type CameraCost, measureCameras } from './camera-cost.ts';
import { Disturbance } from './disturbance.ts';
import { type Bottleneck, bottleneckOf, pathLimit, streamsByRate } from './limits.ts';
import { benchConfig, type LatencyMeasure, measurePath, type PathMeasure } from './path.ts';

export interface SelfBenchOptions {
  readonly manifest: ModelManifest;
  readonly runtime: Config['runtime'];
  readonly clip: string;
  /** Analysed frames per camera and second that are asked for. */
  readonly fps: number;
  readonly windowMs: number;
  readonly folder: string;
  readonly version: string;
  readonly runtimeLibrary: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Called before each part with what it measures. */
  progress(text: string): void;
}

/** Wire record of `vedette bench --json`; docs/bench.md explains it. */
export interface BenchResult {
  readonly on: Fingerprint;
  readonly profile: CapacityProfile;
  readonly print_us: number;
  readonly limit_fps: number;
  /** Every frame analysed, one camera per core. */
  readonly saturated: PathRecord;
  readonly streams: {
    readonly fps: number;
    readonly supported: number;
    readonly by_rate: readonly { readonly fps: number; readonly streams: number }[];
  };
  readonly bottleneck: Bottleneck;
  /** Share of the machine that other processes took meanwhile; above a tenth, measure again. */
  readonly disturbed: number;
  /** As many cameras as are supported, at most eight, at the speed of the clip. */
  readonly live: PathRecord & {
    readonly least_share: number;
    readonly latency: LatencyMeasure;
    readonly batches: PathMeasure['batches'];
  };
}

interface PathRecord {
  readonly cameras: number;
  readonly fps: number;
  readonly cpu_ms_per_frame: number;
  /** Of `limit_fps`. */
  readonly share_of_limit: number;
  readonly event_loop_delay_p99_ms: number;
  readonly bytes_copied_per_frame: number;
  readonly agent_rss_mb: number;
  readonly camera_pss_mb: number;
}

const MOST_LIVE_CAMERAS = 8;

/** Takes six windows and some ten seconds around them; nothing else should run meanwhile. */
export async function selfBench(options: SelfBenchOptions): Promise<BenchResult> {
  const { fps, progress, clock } = options;
  const cores = availableParallelism();
  const disturbance = new Disturbance(clock);
  progress(`decoding: ${cores} camera process${cores === 1 ? '' : 'es'}, then printing`);
  const cameras = await measureDecoding(options);
  progress('inference: the layout, then every core at once');
  const inference = await measureInference(options);
  const layout = inference.layout;
  progress('the whole path: every frame analysed');
  const saturated = await measurePath({ ...options, fps: undefined, layout, cameras: cores });
  const profile = profileOf(options, inference, cameras, saturated);
  const machine = { profile, cores };
  const limit = pathLimit(profile, runsOnCpu(inference.on.provider), cores);
  const supported = streamsSupported(fps, machine);
  const live = Math.max(1, Math.min(MOST_LIVE_CAMERAS, supported));
  progress(`live: ${live} camera${live === 1 ? '' : 's'} at ${fps} analysed frames/s`);
  const running = await measurePath({
    ...{ ...options, layout, cameras: live, windowMs: 2 * options.windowMs },
    fps: Math.min(fps, profile.clip.fps),
  });
  return {
    on: inference.on,
    profile,
    print_us: cameras.printUs,
    limit_fps: limit,
    saturated: pathRecord(cores, saturated, limit),
    streams: { fps, supported, by_rate: streamsByRate(machine) },
    bottleneck: bottleneckOf(fps, machine),
    disturbed: disturbance.share(cores),
    live: {
      ...pathRecord(live, running, limit),
      least_share: running.leastShare,
      latency: running.latency,
      batches: running.batches,
    },
  };
}

type InferenceMeasure = Throughput & {
  readonly on: Fingerprint;
  readonly layout: CapacityProfile['layout'];
};

async function measureInference(options: SelfBenchOptions): Promise<InferenceMeasure> {
  const { manifest, runtime, runtimeLibrary, windowMs, log } = options;
  const library = findRuntimeLibrary(runtime.library, runtimeLibrary).path;
  const { engine, arena, layout, fingerprint } = await openEngine({
    manifest,
    runtime: { library, ...describeRuntime(library) },
    settings: runtime,
    extraBytes: 0,
    log,
  });
  const measured = await measureThroughput(engine, windowMs, layout.threads);
  await engine.close();
  arena.close();
  return { ...measured, on: fingerprint, layout };
}

async function measureDecoding(options: SelfBenchOptions): Promise<CameraCost> {
  const layout = { sessions: 1, threads: 1, batch: 1 };
  const config = benchConfig({ ...options, layout, cameras: 1, fps: undefined });
  const decoders = await findHardwareDecoders();
  const limits = { arenaBytes: 0, framesUnderWay: 2, decoders };
  const plan = cameraPlan('bench', Object.values(config.cameras)[0]!, limits);
  return measureCameras({ ...options, plan, cameras: availableParallelism() });
}

/** `rest` is what the whole path costs beyond its parts, and at least nothing. */
function profileOf(
  { manifest, clock, version }: SelfBenchOptions,
  inference: InferenceMeasure,
  { stream, decode, decodeAndPrint, printUs }: CameraCost,
  path: PathMeasure,
): CapacityProfile {
  const print = Math.max(printUs / 1000, decodeAndPrint.cpuMsPerFrame - decode.cpuMsPerFrame);
  const parts = decode.cpuMsPerFrame + print + inference.cpuMsPerFrame;
  return {
    measured_at: new Date(clock.wallMs()).toISOString(),
    vedette: version,
    model: manifest.name,
    layout: inference.layout,
    clip: {
      width: stream.widthPx,
      height: stream.heightPx,
      fps: stream.fps,
      codec: stream.codec,
      decoder: stream.decoder,
    },
    decode_cpu_ms: decode.cpuMsPerFrame,
    print_cpu_ms: print,
    inference_cpu_ms: inference.cpuMsPerFrame,
    rest_cpu_ms: Math.max(0, path.cpuMsPerFrame - parts),
    decode_fps: decode.fps,
    print_fps: (availableParallelism() * 1e6) / printUs,
    inference_fps: inference.undisturbedFps,
  };
}

function pathRecord(cameras: number, path: PathMeasure, limit: number): PathRecord {
  return {
    cameras,
    fps: path.fps,
    cpu_ms_per_frame: path.cpuMsPerFrame,
    share_of_limit: path.fps / limit,
    event_loop_delay_p99_ms: path.loopDelayP99Ms,
    bytes_copied_per_frame: path.bytesPerFrame,
    agent_rss_mb: path.agentRssMb,
    camera_pss_mb: path.cameraPssMb,
  };
}
