// The whole path beside its parts: frames/s and CPU of decode alone, inference alone, and both with everything between.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Agent } from '../src/agent.ts';
import { prepareFootage } from '../src/cli/footage.ts';
import { requireValid } from '../src/config/load.ts';
import { validate } from '../src/config/validate.ts';
import type { ModelManifest } from '../src/contracts/model.ts';
import { systemClock } from '../src/core/clock.ts';
import { createLog } from '../src/core/log.ts';
import { arenaBytesFor, InferenceEngine } from '../src/infer/engine.ts';
import { Arena } from '../src/native/arena.ts';
import { findRuntimeLibrary } from '../src/native/runtime-library.ts';
import { childrenOf, cpuMs, median, pssMb, rssMb } from '../src/bench/processes.ts';
import { benchModel } from './models.ts';

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

interface PathMeasure extends Measure {
  readonly printUs: number;
  readonly bytesPerFrame: number;
  readonly agentRssMb: number;
  readonly cameraPssMb: number;
  readonly loopDelayP99Ms: number;
}

const CORES = availableParallelism();

export async function benchPath(options: PathOptions): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
  try {
    const clip = prepareFootage(options.clip, folder)[0]!.file;
    const manifest = benchModel(options.model);
    const decode: Measure[] = [];
    const infer: Measure[] = [];
    const path = new Map<number, PathMeasure[]>(options.cameras.map((count) => [count, []]));
    for (let round = 0; round < options.rounds; round++) {
      decode.push(await decodeAlone(clip));
      infer.push(await inferAlone(manifest, options.windowMs));
      for (const count of options.cameras) {
        path.get(count)!.push(await wholePath(clip, manifest, count, options.windowMs, folder));
      }
    }
    return report(manifest, clip, decode, infer, path);
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

/** One session per core, fed with the same blank input without pause. */
async function inferAlone(manifest: ModelManifest, windowMs: number): Promise<Measure> {
  const arena = Arena.create(arenaBytesFor(manifest, CORES, 1));
  const engine = await InferenceEngine.open(
    manifest,
    {
      library: findRuntimeLibrary().path,
      provider: 'cpu',
      providerOptions: {},
      plugins: [],
      sessions: CORES,
      threads: 1,
      batch: 1,
    },
    arena,
  );
  let frames = 0;
  const endMs = performance.now() + windowMs;
  const before = process.cpuUsage();
  const startMs = performance.now();
  const lanes = engine.sets.filter((_, i) => i % 2 === 0);
  await Promise.all(
    lanes.map(async (set) => {
      while (performance.now() < endMs) {
        await engine.run(set, 1, () => undefined);
        frames += 1;
      }
    }),
  );
  const seconds = (performance.now() - startMs) / 1000;
  const used = process.cpuUsage(before);
  await engine.close();
  arena.close();
  return { fps: frames / seconds, cpuMsPerFrame: (used.user + used.system) / 1000 / frames };
}

/** Cameras that deliver the clip as fast as it is taken; every frame is decoded, printed, inferred, tracked. */
async function wholePath(
  clip: string,
  manifest: ModelManifest,
  count: number,
  windowMs: number,
  folder: string,
): Promise<PathMeasure> {
  const cameras = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`c${i}`, { url: clip, fps: 60, realtime: false }]),
  );
  const text = JSON.stringify({ cameras, storage: { path: folder, stills: { enabled: false } } });
  const config = requireValid(validate(text, { name: 'bench', environment: {} }), 'bench').config;
  const log = createLog('error');
  const sinks = {
    name: 'nowhere',
    start: async () => undefined,
    stop: async () => undefined,
    write: () => undefined,
    health: () => ({}),
  };
  const agent = new Agent({
    ...{ config, manifest, sinks, log },
    cameraEnvironment: process.env,
    clock: systemClock,
  });
  await agent.start();
  const inferred = () =>
    [...agent.metrics.cameras.values()].reduce((sum, camera) => sum + camera.inferredFrames, 0);
  const bytes = () =>
    [...agent.metrics.cameras.values()].reduce((sum, camera) => sum + camera.printedBytes, 0);
  while (agent.cameraStatuses().some(({ state }) => state !== 'live')) await pause(50);
  await pause(500);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const children = childrenOf(process.pid);
  const cpuNow = () => cpuMs(process.pid) + children.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const start = { ms: performance.now(), frames: inferred(), bytes: bytes(), cpu: cpuNow() };
  await pause(windowMs);
  const seconds = (performance.now() - start.ms) / 1000;
  const frames = inferred() - start.frames;
  const measure = {
    fps: frames / seconds,
    cpuMsPerFrame: (cpuNow() - start.cpu) / frames,
    bytesPerFrame: (bytes() - start.bytes) / frames,
    printUs: [...agent.metrics.cameras.values()][0]!.printUs.meanMs,
    agentRssMb: rssMb(process.pid),
    cameraPssMb: Math.max(...children.map(pssMb)),
    loopDelayP99Ms: loop.percentile(99) / 1e6,
  };
  loop.disable();
  await agent.stop();
  return measure;
}

function report(
  manifest: ModelManifest,
  clip: string,
  decode: readonly Measure[],
  infer: readonly Measure[],
  path: ReadonlyMap<number, readonly PathMeasure[]>,
): Record<string, unknown> {
  const D = median(decode.map(({ fps }) => fps));
  const I = median(infer.map(({ fps }) => fps));
  const lines = [...path].map(([count, measures]) => {
    const of = (key: keyof PathMeasure) => median(measures.map((measure) => measure[key]));
    const P = (CORES * 1e6) / of('printUs');
    const limit = 1 / (1 / D + 1 / I + 1 / P);
    return {
      cameras: count,
      fps: of('fps'),
      share_of_limit: median(measures.map(({ fps }) => fps / limit)),
      cpu_ms_per_frame: of('cpuMsPerFrame'),
      print_us: of('printUs'),
      bytes_copied_per_frame: of('bytesPerFrame'),
      event_loop_delay_p99_ms: of('loopDelayP99Ms'),
      agent_rss_mb: of('agentRssMb'),
      camera_pss_mb: of('cameraPssMb'),
    };
  });
  return {
    machine: `${cpus()[0]?.model.trim()}, ${CORES} cores`,
    model: manifest.name,
    clip,
    decode_alone: { fps: D, cpu_ms_per_frame: median(decode.map((m) => m.cpuMsPerFrame)) },
    inference_alone: { fps: I, cpu_ms_per_frame: median(infer.map((m) => m.cpuMsPerFrame)) },
    whole_path: lines,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
