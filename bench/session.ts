// One session with two threads against two sessions with one: frames per second and the event loop's delay.
//
// `tsx bench/session.ts [--model FILE] [--rounds N]`. The layouts take turns in one process, so that a machine that is
// busy with something else is busy for all of them; ratios of medians are the result. Frames per second of processor
// time hold on a busy machine, too.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { findRuntimeLibrary } from '../src/native/runtime-library.ts';
import { type InputBinding, Session } from '../src/native/session.ts';
import { shared } from '../test/shared.ts';
import { median } from './median.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: shared('models', 'yolox_nano_416.onnx') },
    rounds: { type: 'string', default: '6' },
    seconds: { type: 'string', default: '2' },
  },
});
const windowMs = Number(values.seconds) * 1000;
const model = readFileSync(values.model);
const { path: library } = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT);

/** Keeps `lanes` runs going for the length of the window. */
type Layout = { readonly name: string; readonly lanes: readonly (() => Promise<unknown>)[] };

const open = (threads: number): Promise<Session> =>
  Session.open({ library, model, name: values.model, provider: 'cpu', threads });

function lane(session: Session): () => Promise<unknown> {
  const inputs: InputBinding[] = session.inputs.map(({ name, dtype, shape }) => {
    const fixed = shape.map((size) => (typeof size === 'number' ? size : 1));
    const data = new Float32Array(fixed.reduce((product, size) => product * size, 1)).fill(114);
    return { name, dtype, shape: fixed, data };
  });
  return () => session.run(inputs);
}

async function peer(): Promise<() => Promise<unknown>> {
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 2,
    logSeverityLevel: 3,
  });
  const [input] = session.inputMetadata;
  if (input === undefined || !input.isTensor) throw new Error('the model has no tensor as input');
  const shape = input.shape.map((size) => (typeof size === 'number' ? size : 1));
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(114);
  return () => session.run({ [input.name]: new Tensor('float32', data, shape) });
}

async function measure(layout: Layout): Promise<{ fps: number; delayMs: number; cores: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let runs = 0;
  const start = performance.now();
  const cpu = process.cpuUsage();
  delay.enable();
  await Promise.all(
    layout.lanes.map(async (run) => {
      while (performance.now() - start < windowMs) {
        await run();
        runs += 1;
        // onnxruntime-node comes back without a turn of the event loop; a timer gets one now.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
  delay.disable();
  const tookMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return {
    fps: (runs * 1000) / tookMs,
    delayMs: delay.percentile(99) / 1e6,
    cores: (user + system) / 1000 / tookMs,
  };
}

const single = [await open(1), await open(1)];
const double = await open(2);
const layouts: readonly Layout[] = [
  { name: 'one session, 1 thread', lanes: single.slice(0, 1).map(lane) },
  { name: 'one session, 2 threads', lanes: [lane(double)] },
  { name: 'two sessions, 1 thread', lanes: single.map(lane) },
  { name: 'onnxruntime-node, 2 threads', lanes: [await peer()] },
];
for (const layout of layouts) await measure({ ...layout, lanes: layout.lanes.slice(0, 1) });

const results = new Map(
  layouts.map(({ name }) => [name, [] as Awaited<ReturnType<typeof measure>>[]]),
);
for (let round = 0; round < Number(values.rounds); round++) {
  // Forwards and backwards in turn: A B C D, D C B A …
  for (const layout of round % 2 === 0 ? layouts : layouts.toReversed()) {
    results.get(layout.name)?.push(await measure(layout));
  }
}

const rows = [...results].map(([layout, all]) => ({
  layout,
  fps: median(all.map(({ fps }) => fps)),
  'p99 loop delay ms': median(all.map(({ delayMs }) => delayMs)),
  cores: median(all.map(({ cores }) => cores)),
}));
const base = rows.find(({ layout }) => layout === 'one session, 2 threads')?.fps ?? Number.NaN;
console.table(
  rows.map((row) => ({
    layout: row.layout,
    fps: Number(row.fps.toFixed(1)),
    'of one × 2 threads': Number((row.fps / base).toFixed(2)),
    'p99 loop delay ms': Number(row['p99 loop delay ms'].toFixed(1)),
    cores: Number(row.cores.toFixed(2)),
    'frames per core second': Number((row.fps / row.cores).toFixed(1)),
  })),
);
await Promise.all([...single, double].map((session) => session.close()));
