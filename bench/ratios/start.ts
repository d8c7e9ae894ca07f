// From the start of the daemon to its first result on MQTT, against loading the session and waiting for a first picture (R16).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { createLog } from '../../src/core/log.ts';
import { openEngine } from '../../src/infer/open-engine.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import { describeRuntime } from '../../src/native/session.ts';
import { median } from '../median.ts';
import { RUNTIME } from '../runtime.ts';
import { type Bench, CORES } from './costs.ts';
import { BenchDaemon, othersMs, pause } from './daemon.ts';
import { DENSITY_FPS, percent, type Row } from './live.ts';

/** Starts are spread evenly over the time between two key frames, which is a second of the clip. */
const PHASES = 5;
const KEY_FRAME_MS = 1000;

export async function start(bench: Bench, manifest: ModelManifest): Promise<Row> {
  const server = await startRtspServer({ mounts: [{ path: 'street', file: bench.clip }] });
  const { url } = server.clips[0]!;
  const watcher = new KeyFrames(url);
  const daemon = await BenchDaemon.prepare();
  const cameras = { cam0: { url, fps: DENSITY_FPS, idle_fps: DENSITY_FPS } };
  try {
    const from = { others: othersMs(), ms: performance.now() };
    const results: number[] = [];
    const pictures: number[] = [];
    // The first start measures the layout of the model and is no part of this.
    for (let at = -1; at < PHASES; at++) {
      await watcher.phase((KEY_FRAME_MS * (at + 0.5)) / PHASES);
      const startMs = performance.now();
      daemon.start({ ...bench, cameras });
      const tookMs = (await daemon.first()).atMs - startMs;
      await daemon.stop();
      if (at < 0) continue;
      results.push(tookMs);
      await watcher.phase((KEY_FRAME_MS * (at + 0.5)) / PHASES);
      pictures.push(await firstPictureMs(url));
    }
    const others = (othersMs() - from.others) / (performance.now() - from.ms) / CORES;
    const loadMs = await sessionLoadMs(manifest);
    const mean = (values: readonly number[]) =>
      values.reduce((sum, one) => sum + one, 0) / values.length;
    const floor = loadMs + mean(pictures);
    return {
      ratio: 'R16 start to first result ÷ (session load + first picture)',
      value: mean(results) / floor,
      bar: '≤ 1.2',
      measured: `${mean(results).toFixed(0)} ms on MQTT, ${PHASES} starts`,
      against: `${loadMs.toFixed(0)} ms + ${mean(pictures).toFixed(0)} ms of gst-launch-1.0 to its first key frame, decoded`,
      others_percent: percent(others),
    };
  } finally {
    watcher.close();
    await daemon.dispose();
    await server.stop();
  }
}

/** Watches the stream, which so goes on while nobody else does, for the times of its key frames. */
class KeyFrames {
  private readonly program: ChildProcess;
  private lastMs = Number.NaN;

  constructor(url: string) {
    const args = ['-v', 'error', '-rtsp_transport', 'tcp', '-show_entries', 'packet=flags'];
    this.program = spawn('stdbuf', ['-oL', 'ffprobe', ...args, '-of', 'csv=p=0', url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: this.program.stdout! }).on('line', (line) => {
      if (line.startsWith('K')) this.lastMs = performance.now();
    });
  }

  /** Resolves so many milliseconds after a key frame. */
  async phase(ms: number): Promise<void> {
    while (Number.isNaN(this.lastMs)) await pause(20);
    const sinceMs = (performance.now() - this.lastMs) % KEY_FRAME_MS;
    await pause((ms - sinceMs + 2 * KEY_FRAME_MS) % KEY_FRAME_MS);
  }

  close(): void {
    this.program.kill('SIGKILL');
  }
}

/** A whole one: without a key frame the decoder gives something grey after the connection, where nothing can be found. */
async function firstPictureMs(url: string): Promise<number> {
  const startMs = performance.now();
  const program = spawn(
    'gst-launch-1.0',
    [
      ...['-q', 'rtspsrc', `location=${url}`, 'protocols=tcp', 'latency=0', '!'],
      ...[
        'rtph264depay',
        'wait-for-keyframe=true',
        '!',
        'h264parse',
        '!',
        'avdec_h264',
        'max-threads=1',
        '!',
        'fakesink',
      ],
      ...['num-buffers=1', 'sync=false'],
    ],
    { stdio: 'ignore' },
  );
  await once(program, 'exit');
  return performance.now() - startMs;
}

async function sessionLoadMs(manifest: ModelManifest): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < 3; i++) {
    const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
    const startMs = performance.now();
    const { engine, arena } = await openEngine({
      manifest,
      runtime: { library, ...describeRuntime(library) },
      settings: { ...RUNTIME, sessions: CORES, threads: 1, batch: { max_batch_size: 1 } },
      ...{ extraBytes: 0, log: createLog('error') },
    });
    took.push(performance.now() - startMs);
    await engine.close();
    arena.close();
  }
  return median(took);
}
