// The layout that the calibration chooses against the best of a wider grid, measured side by side.
//
// `tsx bench/layout.ts [--models a,b] [--rounds N] [--seconds S] [--starts N]`. All layouts of a model are open at once and
// take turns, forwards and backwards; the best windows are compared, of rates without the time
// that other processes had the cores. Then the model is calibrated anew `--starts` times, as at a
// first start, and the rate of what was chosen is divided by the best of the grid (R3).
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import type { ModelManifest } from '../src/contracts/model.ts';
import { createLog } from '../src/core/log.ts';
import { arenaBytesFor, InferenceEngine } from '../src/infer/engine.ts';
import { type Layout, layoutText } from '../src/infer/layout.ts';
import { openEngine } from '../src/infer/open-engine.ts';
import { measureThroughput, type Throughput } from '../src/infer/throughput.ts';
import { Arena } from '../src/native/arena.ts';
import { findRuntimeLibrary } from '../src/native/runtime-library.ts';
import { describeRuntime } from '../src/native/session.ts';
import { median } from './median.ts';
import { benchModel } from './models.ts';

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: 'vedette-s-int8,vedette-s-fp32,yolox-nano' },
    rounds: { type: 'string', default: '8' },
    seconds: { type: 'string', default: '1' },
    starts: { type: 'string', default: '5' },
  },
});
const windowMs = Number(values.seconds) * 1000;
const { path: library } = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT);
const runtime = { library, ...describeRuntime(library) };

function grid(cores: number, maxBatch: number): Layout[] {
  const shapes = Array.from({ length: cores }, (_, i) => i + 1).flatMap((threads) =>
    Array.from({ length: Math.max(1, Math.floor(cores / threads)) }, (_, i) => ({
      threads,
      sessions: i + 1,
    })),
  );
  const batches = maxBatch >= 4 ? [1, 4] : [1];
  return shapes.flatMap((shape) => batches.map((batch) => ({ ...shape, batch })));
}

async function openAll(manifest: ModelManifest, layouts: readonly Layout[]) {
  const opened = new Map<
    string,
    { engine: InferenceEngine; arena: Arena; threads: number; rates: Throughput[] }
  >();
  for (const layout of layouts) {
    const arena = Arena.create(arenaBytesFor(manifest, layout.sessions, layout.batch));
    const options = { library, provider: 'cpu', providerOptions: {}, plugins: [], ...layout };
    const engine = await InferenceEngine.open(manifest, options, arena);
    opened.set(layoutText(layout), { engine, arena, threads: layout.threads, rates: [] });
  }
  return opened;
}

async function benchLayouts(manifest: ModelManifest): Promise<void> {
  const opened = await openAll(manifest, grid(availableParallelism(), manifest.maxBatch));
  const all = [...opened.values()];
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const one of round % 2 === 0 ? all : all.toReversed()) {
      one.rates.push(await measureThroughput(one.engine, windowMs, one.threads));
    }
  }
  for (const { engine, arena } of all) {
    await engine.close();
    arena.close();
  }
  const fpsOf = (name: string) =>
    Math.max(...(opened.get(name)?.rates ?? []).map(({ undisturbedFps }) => undisturbedFps));
  const best = Math.max(...[...opened.keys()].map(fpsOf));
  console.log(`\n${manifest.name}`);
  console.table(
    [...opened].map(([layout, { rates }]) => ({
      layout,
      'frames/s': round(fpsOf(layout)),
      'of the best': round(fpsOf(layout) / best),
      'CPU ms per frame': round(median(rates.map(({ cpuMsPerFrame }) => cpuMsPerFrame))),
    })),
  );
  for (let start = 0; start < Number(values.starts); start++) {
    const startMs = performance.now();
    const { engine, arena, layout } = await openEngine({
      manifest,
      runtime,
      settings: {
        provider: 'cpu',
        provider_options: {},
        sessions: 'auto',
        threads: 'auto',
        batch: { max_batch_size: 'auto' },
        plugins: [],
      },
      extraBytes: 0,
      log: createLog('silent'),
    });
    const tookMs = performance.now() - startMs;
    await engine.close();
    arena.close();
    const name = layoutText(layout);
    console.log(
      `chosen in ${(tookMs / 1000).toFixed(1)} s: ${name}, R3 = ${round(fpsOf(name) / best)}`,
    );
  }
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

for (const name of values.models.split(',')) await benchLayouts(benchModel(name));
