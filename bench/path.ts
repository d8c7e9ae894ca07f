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

export async function benchPath(options: PathOptions): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
  try {
    const clip = prepareFootage(options.clip, folder)[0]!.file;
    const long = repeated(clip, join(folder, 'long.mp4'));
    const manifest = benchModel(options.model);
    const rssBeforeMb = rssMb(process.pid);
    const first = await inferAlone(manifest, options.windowMs, RUNTIME);
    const { layout } = first;
    const fixed = withLayout(RUNTIME, layout);
    const decode: Measure[] = [];
    const infer: Measure[] = [];
    const path = new Map<number, PathMeasure[]>(options.cameras.map((count) => [count, []]));
    for (let round = 0; round < options.rounds; round++) {
      decode.push(await decodeAlone(long));
      infer.push((await inferAlone(manifest, options.windowMs, fixed)).measure);
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
    return report(manifest, clip, decode, infer, path, first.rssMb - rssBeforeMb);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One GStreamer process per core decodes the clip with one thread; no pixel leaves the decoder. */
async function decodeAlone(clip: string): Promise<Measure> {
  const frames = frameCount(clip);
  const startMs = performance.now();
  const runs = Array.from({ length: CORES }, () =>
    spawn(
      'gst-launch-1.0',
      [
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

function repeated(clip: string, file: string): string {
  const times = Math.ceil(DECODED_FRAMES / frameCount(clip));
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
  const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
  const { engine, arena, layout } = await openEngine({
    manifest,
    runtime: { library, ...describeRuntime(library) },
    settings: runtime,
    extraBytes: 0,
    log: createLog('error'),
  });
  const measure = await measureThroughput(engine, windowMs, layout.threads);
  const opened = { measure, layout, rssMb: rssMb(process.pid) };
  await engine.close();
  arena.close();
  return opened;
}

/** What a path measure says in one number. */
type Figure = Exclude<keyof PathMeasure, 'latency' | 'batches'>;

function report(
  manifest: ModelManifest,
  clip: string,
  decode: readonly Measure[],
  infer: readonly Measure[],
  path: ReadonlyMap<number, readonly PathMeasure[]>,
  modelMb: number,
): Record<string, unknown> {
  const D = median(decode.map(({ fps }) => fps));
  const I = median(infer.map(({ fps }) => fps));
  const lines = [...path].map(([count, measures]) => {
    const of = (key: Figure) => median(measures.map((measure) => measure[key]));
    const P = (CORES * 1e6) / of('printUs');
    const limit = sharedLimit(D, I, P);
    return {
      cameras: count,
      fps: of('fps'),
      share_of_limit: median(measures.map(({ fps }) => fps / limit)),
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
    whole_path: lines,
  };
}
