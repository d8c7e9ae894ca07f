// The whole path beside its parts: frames/s and CPU of decode alone, inference alone, and both with everything between.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { sharedLimit } from '../src/bench/limits.ts';
import { measurePath, type PathMeasure, withLayout } from '../src/bench/path.ts';
import { cameraEnvironment } from '../src/cli/camera-environment.ts';
import { prepareFootage } from '../src/cli/footage.ts';
import type { Config } from '../src/config/schema/config.ts';
import type { ModelManifest } from '../src/contracts/model.ts';
import { systemClock } from '../src/core/clock.ts';
import { createLog } from '../src/core/log.ts';
import { cpuMs, rssMb } from '../src/hw/process-usage.ts';
import type { InferenceEngine } from '../src/infer/engine.ts';
import type { Layout } from '../src/infer/layout.ts';
import { openEngine } from '../src/infer/open-engine.ts';
import { measureThroughput } from '../src/infer/throughput.ts';
import { findRuntimeLibrary } from '../src/native/runtime-library.ts';
import { describeRuntime } from '../src/native/session.ts';
import { median } from './median.ts';
import { benchModel } from './models.ts';
import { RUNTIME } from './runtime.ts';

export interface PathOptions {
  readonly clip?: string | undefined;
  readonly model?: string | undefined;
  /** Interleaved rounds; medians are told. */
  readonly rounds: number;
  readonly windowMs: number;
  readonly cameras: readonly number[];
}

interface Measure {
  readonly fps: number;
  /** CPU milliseconds per frame, all processes together. */
  readonly cpuMsPerFrame: number;
}

const CORES = availableParallelism();
const WARM_MS = 20_000;
/** Enough of them that the start of a program is no part of its rate. */
const DECODED_FRAMES = 6000;
/** Beside inference, where only processor time is told. */
const DECODED_BESIDE = 2000;
/** What sessions give way by (native/ort/session_thread.cpp): decoders that do the same get half of each core. */
const SESSION_NICE = 10;
const BESIDE_WINDOW_MS = 500;

export async function benchPath(options: PathOptions): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
  try {
    const clip = prepareFootage(options.clip, folder)[0]!.file;
    const long = repeated(clip, DECODED_FRAMES, join(folder, 'long.mp4'));
    const short = repeated(clip, DECODED_BESIDE, join(folder, 'short.mp4'));
    const manifest = benchModel(options.model);
    const rssBeforeMb = rssMb(process.pid);
    const first = await inferAlone(manifest, options.windowMs, RUNTIME);
    const { layout } = first;
    const fixed = withLayout(RUNTIME, layout);
    const decode: Measure[] = [];
    const infer: Measure[] = [];
    const beside: Beside[] = [];
    const path = new Map<number, PathMeasure[]>(options.cameras.map((count) => [count, []]));
    for (let round = 0; round < options.rounds; round++) {
      decode.push(await decodeAlone(long));
      infer.push((await inferAlone(manifest, options.windowMs, fixed)).measure);
      beside.push(await besideEachOther(short, manifest, fixed));
      for (const count of options.cameras) {
        path.get(count)!.push(
          await measurePath({
            // The same frames as decoded alone: a file that is over is opened again, and one camera is through the clip in 2 s.
            ...{ clip: long, manifest, folder, cameras: count, windowMs: options.windowMs },
            settleMs: WARM_MS,
            ...{ runtime: RUNTIME, layout, clock: systemClock },
            runtimeLibrary: process.env.VEDETTE_ORT,
            environment: cameraEnvironment(process.env),
            log: createLog('error'),
          }),
        );
      }
    }
    return report(manifest, clip, { decode, infer, beside, path }, first.rssMb - rssBeforeMb);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One GStreamer process per core decodes the clip with one thread; no pixel leaves the decoder. */
async function decodeAlone(clip: string, nice = 0): Promise<Measure> {
  const frames = frameCount(clip);
  const startMs = performance.now();
  const runs = Array.from({ length: CORES }, () =>
    spawn(
      'nice',
      [
        ...['-n', String(nice), 'gst-launch-1.0'],
        '-q',
        'filesrc',
        `location=${clip}`,
        '!',
        'parsebin',
        '!',
        'avdec_h264',
        'max-threads=1',
        '!',
        'fakesink',
        'sync=false',
      ],
      { stdio: 'ignore' },
    ),
  );
  let cpu = 0;
  const poll = setInterval(() => {
    cpu = Math.max(
      cpu,
      runs.reduce((sum, run) => sum + cpuMs(run.pid ?? 0), 0),
    );
  }, 10);
  await Promise.all(runs.map((run) => once(run, 'exit')));
  clearInterval(poll);
  const fps = (frames * CORES * 1000) / (performance.now() - startMs);
  return { fps, cpuMsPerFrame: cpu / (frames * CORES) };
}

function repeated(clip: string, frames: number, file: string): string {
  const times = Math.ceil(frames / frameCount(clip));
  const args = ['-stream_loop', String(times - 1), '-i', clip, '-c', 'copy', file];
  const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-y', ...args]);
  if (status !== 0) throw new Error(String(stderr));
  return file;
}

function frameCount(clip: string): number {
  const args = [
    '-v',
    'error',
    '-count_packets',
    '-select_streams',
    'v',
    '-show_entries',
    'stream=nb_read_packets',
    '-of',
    'csv=p=0',
    clip,
  ];
  return Number(spawnSync('ffprobe', args, { encoding: 'utf8' }).stdout.trim().replace(',', ''));
}

interface InferenceAlone {
  readonly measure: Measure;
  readonly layout: Layout;
  /** Of this process, while the sessions are open. */
  readonly rssMb: number;
}

/**
 * Every session fed with the same blank input without pause, in the layout that this machine chose or `runtime` says. Closed
 * again, so that an agent's memory is that of its own sessions.
 */
async function inferAlone(
  manifest: ModelManifest,
  windowMs: number,
  runtime: Config['runtime'],
): Promise<InferenceAlone> {
  return withEngine(manifest, runtime, async (engine, layout) => {
    const measure = await measureThroughput(engine, windowMs, layout.threads);
    return { measure, layout, rssMb: rssMb(process.pid) };
  });
}

/** Processor milliseconds per frame of both while they share every core: they push each other out of its caches. */
interface Beside {
  readonly decodeMs: number;
  readonly inferMs: number;
}

async function besideEachOther(
  clip: string,
  manifest: ModelManifest,
  runtime: Config['runtime'],
): Promise<Beside> {
  return withEngine(manifest, runtime, async (engine, { threads }) => {
    let isDecoding = true;
    const decoding = decodeAlone(clip, SESSION_NICE).finally(() => {
      isDecoding = false;
    });
    const inferMs: number[] = [];
    while (isDecoding) {
      const { cpuMsPerFrame } = await measureThroughput(engine, BESIDE_WINDOW_MS, threads);
      // Not the window in which decoding ended.
      if (isDecoding) inferMs.push(cpuMsPerFrame);
    }
    return { decodeMs: (await decoding).cpuMsPerFrame, inferMs: median(inferMs) };
  });
}

async function withEngine<Result>(
  manifest: ModelManifest,
  runtime: Config['runtime'],
  use: (engine: InferenceEngine, layout: Layout) => Promise<Result>,
): Promise<Result> {
  const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
  const { engine, arena, layout } = await openEngine({
    manifest,
    runtime: { library, ...describeRuntime(library) },
    settings: runtime,
    extraBytes: 0,
    log: createLog('error'),
  });
  try {
    return await use(engine, layout);
  } finally {
    await engine.close();
    arena.close();
  }
}

/** What a path measure says in one number. */
type Figure = Exclude<keyof PathMeasure, 'latency' | 'batches'>;

interface Rounds {
  readonly decode: readonly Measure[];
  readonly infer: readonly Measure[];
  readonly beside: readonly Beside[];
  readonly path: ReadonlyMap<number, readonly PathMeasure[]>;
}

function report(
  manifest: ModelManifest,
  clip: string,
  { decode, infer, beside, path }: Rounds,
  modelMb: number,
): Record<string, unknown> {
  const D = median(decode.map(({ fps }) => fps));
  const I = median(infer.map(({ fps }) => fps));
  const decodeMs = median(beside.map((one) => one.decodeMs));
  const inferMs = median(beside.map((one) => one.inferMs));
  const lines = [...path].map(([count, measures]) => {
    const of = (key: Figure) => median(measures.map((measure) => measure[key]));
    const P = (CORES * 1e6) / of('printUs');
    const limit = sharedLimit(D, I, P);
    return {
      cameras: count,
      fps: of('fps'),
      share_of_limit: median(measures.map(({ fps }) => fps / limit)),
      share_beside: of('fps') / ((CORES * 1000) / (decodeMs + inferMs + of('printUs') / 1000)),
      cpu_ms_per_frame: of('cpuMsPerFrame'),
      print_us: of('printUs'),
      bytes_copied_per_frame: of('bytesPerFrame'),
      event_loop_delay_p99_ms: of('loopDelayP99Ms'),
      agent_rss_mb: of('agentRssMb'),
      agent_without_model_mb: of('agentRssMb') - modelMb,
      camera_pss_mb: of('cameraPssMb'),
    };
  });
  return {
    machine: `${cpus()[0]?.model.trim()}, ${CORES} cores`,
    model: manifest.name,
    clip,
    decode_alone: { fps: D, cpu_ms_per_frame: median(decode.map((m) => m.cpuMsPerFrame)) },
    model_mb: modelMb,
    inference_alone: { fps: I, cpu_ms_per_frame: median(infer.map((m) => m.cpuMsPerFrame)) },
    decode_beside: { cpu_ms_per_frame: decodeMs },
    inference_beside: { cpu_ms_per_frame: inferMs },
    whole_path: lines,
  };
}
