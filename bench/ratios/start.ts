// From the start of the daemon to its first result on MQTT, against loading the session and waiting for a first picture (R16).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { createLog } from '../../src/core/log.ts';
import { openEngine } from '../../src/infer/open-engine.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import { describeRuntime } from '../../src/native/session.ts';
import { median } from '../median.ts';
import { RUNTIME } from '../runtime.ts';
import { type Bench, CORES } from './costs.ts';
import { BenchDaemon, othersMs } from './daemon.ts';
import { KEY_FRAME_MS, KeyFrames } from './key-frames.ts';
import { DENSITY_FPS, percent, type Row } from './live.ts';

/** Starts are spread evenly over the time between two key frames. */
const PHASES = 5;

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
