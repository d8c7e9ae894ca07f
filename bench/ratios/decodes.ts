// The rate of inference while camera processes decode live beside it, against the cores that they leave free (R4).

import type { ModelManifest } from '../../src/contracts/model.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { cpuMs } from '../../src/hw/process-usage.ts';
import { openEngine } from '../../src/infer/open-engine.ts';
import { measureThroughput, type Throughput } from '../../src/infer/throughput.ts';
import { Arena } from '../../src/native/arena.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import { describeRuntime } from '../../src/native/session.ts';
import { CameraChild } from '../../src/pipeline/camera-child.ts';
import { noticeEveryMs } from '../../src/pipeline/frame-rate.ts';
import { median } from '../median.ts';
import { RUNTIME } from '../runtime.ts';
import { CORES } from './costs.ts';
import { othersMs, pause } from './daemon.ts';
import { DENSITY_FPS, percent, type Row } from './live.ts';

const SETTLE_MS = 3000;
/** What cameras missed while they stood still is decoded by then: they play in real time. */
const CATCH_UP_MS = 1500;
const ROUNDS = 9;
const LITTLE = 0.08;

export async function decodes(
  clip: string,
  manifest: ModelManifest,
  windowMs: number,
): Promise<Row[]> {
  const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
  const { engine, arena, layout } = await openEngine({
    manifest,
    runtime: { library, ...describeRuntime(library) },
    ...{ settings: RUNTIME, extraBytes: 0, log: createLog('error') },
  });
  const infer = () => measureThroughput(engine, windowMs, layout.threads);
  try {
    await infer();
    return [await beside(4, clip, infer), await beside(8, clip, infer)];
  } finally {
    await engine.close();
    arena.close();
  }
}

interface Round {
  readonly share: number;
  readonly fps: number;
  readonly possible: number;
  readonly decoding: number;
  /** Share of the machine. */
  readonly others: number;
}

/** A core's speed changes within seconds, so each round compares with a window of inference alone right before it. */
async function beside(count: number, clip: string, infer: () => Promise<Throughput>): Promise<Row> {
  const cameras = await Promise.all(Array.from({ length: count }, () => liveCamera(clip)));
  await pause(SETTLE_MS);
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) rounds.push(await round(cameras, infer));
  await Promise.all(cameras.map((camera) => camera.close()));
  const calm = rounds.filter(({ others }) => others <= LITTLE);
  const counted = calm.length > ROUNDS / 2 ? calm : rounds;
  const of = (key: keyof Round): number => median(counted.map((one) => one[key]));
  return {
    ratio: `R4 inference beside ${count} live decodes ÷ free cores`,
    value: of('share'),
    bar: '≥ 0.95',
    measured: `${of('fps').toFixed(1)}/s beside ${of('decoding').toFixed(2)} cores of decoding, median of ${counted.length} rounds`,
    against: `${of('possible').toFixed(1)}/s`,
    others_percent: percent(of('others')),
  };
}

async function round(
  cameras: readonly LiveCamera[],
  infer: () => Promise<Throughput>,
): Promise<Round> {
  const from = { others: othersMs(), ms: performance.now() };
  for (const { child } of cameras) process.kill(child.pid!, 'SIGSTOP');
  // Of one core while every core infers.
  const alone = (await infer()).fps / CORES;
  for (const { child } of cameras) process.kill(child.pid!, 'SIGCONT');
  await pause(CATCH_UP_MS);
  const used = () => cameras.reduce((sum, { child }) => sum + cpuMs(child.pid ?? 0), 0);
  const start = { cpu: used(), ms: performance.now() };
  const { fps } = await infer();
  const decoding = (used() - start.cpu) / (performance.now() - start.ms);
  const others = (othersMs() - from.others) / (performance.now() - from.ms) / CORES;
  const possible = (CORES - decoding) * alone;
  return { share: fps / possible, fps, possible, decoding, others };
}

interface LiveCamera {
  readonly child: CameraChild;
  close(): Promise<void>;
}

/** Resolves with its first frame. */
async function liveCamera(source: string): Promise<LiveCamera> {
  const arena = Arena.create(1 << 20);
  let isLive = false;
  const child = new CameraChild(
    {
      order: {
        ...{ camera: 'bench', session: 'bench', source, transport: 'tcp', decoder: 'gstreamer' },
        ...{ decode: 'all', loop: true, realtime: true, maxWidthPx: 4096, maxHeightPx: 2304 },
        ...{ heldFrames: 3, arenaBytes: arena.bytes },
        motion: { threshold: 12, fadeSeconds: 60, masks: [] },
      },
      ...{ arenaFd: arena.fd, clock: systemClock },
    },
    {
      message: (message) => {
        isLive ||= message.kind === 'frame';
      },
      unit: () => undefined,
      line: (text) => process.stderr.write(`${text}\n`),
      gone: () => undefined,
    },
  );
  child.noticeEvery(noticeEveryMs(DENSITY_FPS));
  while (!isLive) await pause(20);
  const close = async (): Promise<void> => {
    await child.close();
    arena.close();
  };
  return { child, close };
}
