// Sessions: the same outputs as onnxruntime-node's own API, what every kind of mistake is called, memory that is not
// copied, and an event loop that never waits. VEDETTE_ORT runs all of it on another library.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { Arena } from '../../src/native/arena.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import {
  describeRuntime,
  type InputBinding,
  type OutputView,
  Session,
  type SessionOptions,
} from '../../src/native/session.ts';
import { FLOAT, INT64, STRING, writeModel } from '../fixtures/onnx-writer.ts';
import { needsShared, shared } from '../shared.ts';

const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
// Releases differ in how they fuse operators; the same file must agree closely.
const tolerance = process.env.VEDETTE_ORT ? 2e-3 : 1e-5;
const opened: Session[] = [];
afterAll(() => Promise.all(opened.map((session) => session.close())));

async function open(model: Uint8Array, options: Partial<SessionOptions> = {}): Promise<Session> {
  const session = await Session.open({
    ...{ library, model, name: 'a-model', provider: 'cpu', threads: 1 },
    ...options,
  });
  opened.push(session);
  return session;
}

/** Numbers 0..`limit` that look random and are the same in every run. */
function noise(count: number, limit: number, seed = 1): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * limit;
  });
}

function floats(name: string, shape: number[], limit = 255, seed = 1): InputBinding {
  const count = shape.reduce((product, size) => product * size, 1);
  return { name, dtype: 'float32', shape, data: noise(count, limit, seed) };
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((actual[i] as number) - (expected[i] as number));
    worst = Math.max(worst, difference / Math.max(1, Math.abs(expected[i] as number)));
  }
  expect(worst).toBeLessThanOrEqual(tolerance);
}

const doubled = writeModel({
  inputs: [{ name: 'x', type: FLOAT, shape: ['batch', 4] }],
  outputs: [{ name: 'y', type: FLOAT, shape: ['batch', 4] }],
  nodes: [{ operator: 'Add', inputs: ['x', 'x'], outputs: ['y'] }],
  metadata: { names: "{0: 'person'}", stride: '32' },
});
const numbers = (values: number[], batch = 1): InputBinding => ({
  name: 'x',
  dtype: 'float32',
  shape: [batch, values.length / batch],
  data: Float32Array.from(values),
});

describe.skipIf(needsShared('comparing with onnxruntime-node'))('equals onnxruntime-node', () => {
  const yolox = (batch: number) => floats('images', [batch, 3, 416, 416]);
  const yunet = (w: number, h: number) => floats('input', [1, 3, h, w]);
  const sizes: InputBinding = {
    name: 'orig_target_sizes',
    dtype: 'int64',
    shape: [2, 2],
    data: BigInt64Array.of(640n, 480n, 1920n, 1080n),
  };
  test.each<[string, InputBinding[][]]>([
    ['mnist', [[floats('Input3', [1, 1, 28, 28])]]],
    ['yolox_nano_416_dynbatch', [1, 4, 2, 3].map((batch) => [yolox(batch)])],
    ['yunet_n_dynamic', [[yunet(320, 192)], [yunet(640, 384)], [yunet(96, 96)]]],
    ['yolov8n_640_qdq', [[floats('images', [1, 3, 640, 640], 1)]]],
    ['nanodet_m_320', [[floats('input.1', [1, 3, 320, 320], 2)]]],
    ['osnet_x0_25_dynbatch', [[floats('images', [3, 3, 256, 128], 2)]]],
    ['deimv2_femto_416_dynbatch', [[floats('images', [2, 3, 416, 416], 1), sizes]]],
  ])(
    '%s',
    async (name, runs) => {
      const model = readFileSync(shared('models', `${name}.onnx`));
      const session = await open(model);
      const oracle = await InferenceSession.create(model, {
        intraOpNumThreads: 1,
        logSeverityLevel: 3,
      });
      expect(session.inputs.map(({ name }) => name)).toEqual(oracle.inputNames);
      expect(session.outputs.map(({ name }) => name)).toEqual(oracle.outputNames);
      for (const inputs of runs) {
        const feeds = inputs.map(({ name, dtype, data, shape }) => [
          name,
          new Tensor(dtype as 'float32', data as Float32Array, shape),
        ]);
        const expected = await oracle.run(Object.fromEntries(feeds));
        const outputs = await session.run(inputs);
        for (const output of outputs) {
          // Releases differ in which of two nearly equal candidates a top-k puts first.
          if (process.env.VEDETTE_ORT && ['labels', 'boxes'].includes(output.name)) continue;
          const wanted = expected[output.name];
          expect(output.shape).toEqual(wanted?.dims);
          const plain = (values: unknown) => Array.from(values as ArrayLike<bigint>, Number);
          expectClose(plain(output.data), plain(wanted?.data));
        }
        expect(outputs.length).toBe(oracle.outputNames.length);
      }
    },
    60_000,
  );
});

test('says what the model is', async () => {
  const session = await open(doubled);
  expect(session.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['batch', 4] }]);
  expect(session.outputs).toEqual([{ name: 'y', dtype: 'float32', shape: ['batch', 4] }]);
  expect(session.metadata).toEqual({ names: "{0: 'person'}", stride: '32' });
  expect(describeRuntime(library).version).toMatch(/^1\.\d+/);
});

test('reads arena memory where it lies and bounds-checks the offset', async () => {
  const session = await open(doubled);
  const arena = Arena.create(4096);
  const offset = arena.reserve(16);
  const view = arena.view(offset, 16);
  const slot = new Float32Array(view.buffer as ArrayBuffer, view.byteOffset, 4);
  const input: InputBinding = { name: 'x', dtype: 'float32', shape: [1, 4], arena, offset };
  for (const value of [1, 7]) {
    slot.fill(value);
    expect([...((await session.run([input]))[0]?.data ?? [])]).toEqual(Array(4).fill(2 * value));
  }
  await expect(session.run([{ ...input, offset: 4090 }])).rejects.toThrow(/outside the arena/);
  await expect(session.run([{ ...input, offset: 2 }])).rejects.toThrow(/not aligned/);
  arena.close();
});

test('answers in the order of asking, and each answer is whole when it arrives', async () => {
  const session = await open(doubled);
  const order: number[] = [];
  const asked = Array.from({ length: 50 }, (_, i) =>
    session.run([numbers([i, i, i, i])]).then((outputs) => {
      order.push(i);
      expect([...(outputs[0]?.data ?? [])]).toEqual([2 * i, 2 * i, 2 * i, 2 * i]);
    }),
  );
  await Promise.all(asked);
  expect(order).toEqual([...order.keys()]);
});

test('outputs are views on two memories in turn, grown to the largest batch', async () => {
  const session = await open(doubled);
  const buffers: ArrayBufferLike[] = [];
  for (const batch of [1, 1, 1, 1, 64, 64, 1]) {
    const [output] = await session.run([numbers(Array(4 * batch).fill(1), batch)]);
    expect(output?.shape).toEqual([batch, 4]);
    expect(output?.data.length).toBe(4 * batch);
    buffers.push((output as OutputView).data.buffer);
  }
  expect(buffers[2]).toBe(buffers[0]);
  expect(buffers[3]).toBe(buffers[1]);
  expect(buffers[1]).not.toBe(buffers[0]);
  expect(buffers[6]).toBe(buffers[4]);
});

test('outputs whose size only the run knows are let go when the next run delivers', async () => {
  const positions = writeModel({
    inputs: [{ name: 'x', type: FLOAT, shape: [4] }],
    outputs: [{ name: 'at', type: INT64, shape: [1, 'found'] }],
    nodes: [{ operator: 'NonZero', inputs: ['x'], outputs: ['at'] }],
  });
  const session = await open(positions);
  const find = (values: number[]) =>
    session.run([{ name: 'x', dtype: 'float32', shape: [4], data: Float32Array.from(values) }]);
  const [two] = await find([0, 5, 0, 5]);
  expect([two?.shape, two?.data]).toEqual([[1, 2], BigInt64Array.of(1n, 3n)]);
  const [none] = await find([0, 0, 0, 0]);
  expect([none?.shape, none?.data.length]).toEqual([[1, 0], 0]);
  expect(two?.data.length).toBe(0);
});

test('outputs keep the shape and the memories that a run showed, until the values ask for another', async () => {
  const free = writeModel({
    inputs: [
      { name: 'x', type: FLOAT, shape: ['n'] },
      { name: 'shape', type: INT64, shape: [2] },
    ],
    outputs: [{ name: 'y', type: FLOAT, shape: ['rows', 'columns'] }],
    nodes: [{ operator: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] }],
  });
  const session = await open(free);
  let first = 0;
  const reshape = async (shape: readonly [number, number]) => {
    const x = Float32Array.from({ length: 6 }, () => ++first);
    const [output] = await session.run([
      { name: 'x', dtype: 'float32', shape: [6], data: x },
      { name: 'shape', dtype: 'int64', shape: [2], data: BigInt64Array.from(shape, BigInt) },
    ]);
    expect([output?.shape, [...(output?.data ?? [])]]).toEqual([[...shape], [...x]]);
    return (output as OutputView).data.buffer;
  };
  const [, a, b, again] = [
    await reshape([2, 3]),
    await reshape([2, 3]),
    await reshape([2, 3]),
    await reshape([2, 3]),
  ];
  expect(again).toBe(a);
  expect(b).not.toBe(a);
  const other = await reshape([3, 2]);
  expect([a, b]).not.toContain(other);
  await reshape([6, 1]);
  expect(other.byteLength).toBe(0);
});

test('a model that does not keep to its declared output shape still runs', async () => {
  const liar = writeModel({
    inputs: [
      { name: 'x', type: FLOAT, shape: ['n'] },
      { name: 'shape', type: INT64, shape: [2] },
    ],
    outputs: [{ name: 'y', type: FLOAT, shape: [2, 3] }],
    nodes: [{ operator: 'Reshape', inputs: ['x', 'shape'], outputs: ['y'] }],
  });
  const session = await open(liar);
  const reshape = (rows: number, columns: number) =>
    session.run([
      { name: 'x', dtype: 'float32', shape: [6], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      {
        name: 'shape',
        dtype: 'int64',
        shape: [2],
        data: BigInt64Array.of(BigInt(rows), BigInt(columns)),
      },
    ]);
  for (const [rows, columns] of [
    [2, 3],
    [3, 2],
    [6, 1],
  ] as const) {
    const [output] = await reshape(rows, columns);
    expect([output?.shape, [...(output?.data ?? [])]]).toEqual([
      [rows, columns],
      [1, 2, 3, 4, 5, 6],
    ]);
  }
  await expect(reshape(5, 5)).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
  expect((await reshape(1, 6))[0]?.shape).toEqual([1, 6]);
});

test.each<[string, InputBinding[], RegExp]>([
  ['nothing', [], /tensor x: expected float32 \[batch, 4\], given nothing/],
  [
    'an unknown name',
    [{ ...numbers([1, 2, 3, 4]), name: 'images' }],
    /tensor images: the model has no input of this name, it has x/,
  ],
  ['a wrong size', [numbers([1, 2, 3])], /expected float32 \[batch, 4\], given float32 \[1, 3\]/],
  [
    'a wrong rank',
    [{ ...numbers([1, 2, 3, 4]), shape: [4] }],
    /expected float32 \[batch, 4\], given float32 \[4\]/,
  ],
  [
    'a wrong type',
    [{ name: 'x', dtype: 'uint8', shape: [1, 4], data: new Uint8Array(4) }],
    /expected float32 \[batch, 4\], given uint8 \[1, 4\]/,
  ],
  [
    'too few bytes',
    [{ ...numbers([1, 2, 3, 4]), shape: [2, 4] }],
    /float32 \[2, 4\] takes 32 bytes, given 16/,
  ],
  ['a name twice', [numbers([1, 2, 3, 4]), numbers([1, 2, 3, 4])], /was given 2 times/],
  ['no memory', [{ name: 'x', dtype: 'float32', shape: [1, 4] }], /neither an arena nor data/],
])('%s is refused before anything runs', async (_, inputs, message) => {
  const session = await open(doubled);
  const refused = session.run(inputs);
  await expect(refused).rejects.toMatchObject({ code: 'TENSOR_MISMATCH' });
  await expect(refused).rejects.toThrow(message);
  expect((await session.run([numbers([1, 1, 1, 1])]))[0]?.data[0]).toBe(2);
});

test('dimensions given at opening are those of every run; names the model does not have are passed over', async () => {
  const session = await open(doubled, { dimensions: { batch: 1, height: 7 } });
  expect(session.inputs[0]?.shape).toEqual([1, 4]);
  expect((await session.run([numbers([1, 2, 3, 4])]))[0]?.data).toEqual(
    Float32Array.of(2, 4, 6, 8),
  );
  await expect(session.run([numbers([1, 2, 3, 4, 5, 6, 7, 8], 2)])).rejects.toMatchObject({
    code: 'TENSOR_MISMATCH',
  });
});

describe('what cannot be opened', () => {
  const cause = async (model: Uint8Array, options: Partial<SessionOptions> = {}) =>
    open(model, options).then(
      () => 'opened',
      (error) => `${error.code} ${error.message}`,
    );
  test('a library that is missing, or none', async () => {
    expect(await cause(doubled, { library: '/nowhere/libonnxruntime.so' })).toMatch(
      /^RUNTIME_UNAVAILABLE .*\/nowhere\/libonnxruntime\.so: cannot open shared object file/,
    );
    expect(await cause(doubled, { library: import.meta.filename })).toMatch(
      /^RUNTIME_UNAVAILABLE .*invalid ELF header/,
    );
  });
  test('a provider that the library lacks, with those it has', async () => {
    const has = describeRuntime(library).providers.join(', ');
    const text = await cause(doubled, { provider: 'abacus' });
    expect(text).toMatch(/^PROVIDER_UNAVAILABLE execution provider abacus is not available/);
    expect(text).toContain(has);
  });
  test('an option that the provider does not know', async () => {
    expect(await cause(doubled, { providerOptions: { speed: 'high' } })).toMatch(
      /^PROVIDER_UNAVAILABLE .*it takes no options, but was given speed/,
    );
  });
  test('a plugin that is not there', async () => {
    const plugins = [{ name: 'npu', library: '/nowhere/libnpu.so' }];
    expect(await cause(doubled, { provider: 'npu', plugins })).toMatch(
      /^PROVIDER_UNAVAILABLE execution provider npu .*(libnpu\.so|plugins need ONNX Runtime 1\.22|libonnxruntime_providers_shared)/,
    );
  });
  test('bytes that are no model', async () => {
    expect(await cause(new Uint8Array(0))).toMatch(/^MODEL_UNREADABLE cannot use model a-model/);
    expect(await cause(Buffer.from('no model at all'))).toMatch(/^MODEL_UNREADABLE/);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: doubled.length - 1 }), async (length) => {
        expect(await cause(doubled.slice(0, length))).toMatch(/^(MODEL_UNREADABLE|opened)/);
      }),
      { numRuns: 40 },
    );
  });
  test.each(['passwd', '/etc/passwd', '../../../../etc/passwd'])(
    'a model that reads %s',
    async (file) => {
      const split = writeModel({
        inputs: [{ name: 'x', type: FLOAT, shape: [4] }],
        outputs: [{ name: 'y', type: FLOAT, shape: [4] }],
        nodes: [{ operator: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
        weights: [{ name: 'w', shape: [4], values: [], file }],
      });
      expect(await cause(split)).toBe(
        'MODEL_UNREADABLE cannot use model a-model: its weights lie in another file; only models of one file are taken',
      );
    },
  );
  test('a model with tensors that Vedette does not carry', async () => {
    const strings = writeModel({
      inputs: [{ name: 'x', type: STRING, shape: [1] }],
      outputs: [{ name: 'y', type: STRING, shape: [1] }],
      nodes: [{ operator: 'Identity', inputs: ['x'], outputs: ['y'] }],
    });
    expect(await cause(strings)).toMatch(/^MODEL_UNREADABLE .*input x is no tensor of a type/);
  });
});

test('closing ends the present run, fails the waiting ones and everything later', async () => {
  const session = await open(doubled);
  const asked = [1, 2, 3].map((value) => session.run([numbers([value, 0, 0, 0])]));
  const results = Promise.allSettled(asked);
  await Promise.all([session.close(), session.close()]);
  for (const result of await results) {
    if (result.status === 'rejected') expect(result.reason.code).toBe('INFERENCE_FAILED');
  }
  const late = session.run([numbers([1, 0, 0, 0])]);
  await expect(late).rejects.toThrow('model a-model failed on cpu: the session was closed');
});

test.skipIf(needsShared('closing within a long run'))(
  'a long run ends when its session is closed',
  async () => {
    const session = await open(readFileSync(shared('models', 'yolov8n_640_qdq_dynbatch.onnx')));
    const long = session.run([floats('images', [6, 3, 640, 640], 1)]);
    const ended = expect(long).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await session.close();
    await ended;
  },
);

// Run() is called on the session's own thread; JavaScript only queues the request and is told of its end. So timers stay
// on time during a run. With a call on the main thread, the longest delay would be the whole run.
test.skipIf(needsShared('the event loop during a long run'))('the event loop goes on', async () => {
  const model = readFileSync(shared('models', 'yolov8n_640_qdq_dynbatch.onnx'));
  const session = await open(model);
  const input = floats('images', [6, 3, 640, 640], 1);
  await session.run([input]);
  const shares: number[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const start = performance.now();
    await session.run([input]);
    delay.disable();
    shares.push(delay.max / 1e6 / (performance.now() - start));
  }
  expect(Math.min(...shares)).toBeLessThan(0.2);
});

test.each([
  ['idle', 0, ''],
  ['waiting', 0, 'all answered\n'],
  ['exiting', 7, ''],
  ['opening', 7, ''],
])('a process ends with its own status while its session is %s', (way, status, output) => {
  const ended = endOf(way);
  expect([ended.status, ended.signal, ended.stderr]).toEqual([status, null, '']);
  expect(ended.stdout).toBe(output);
});

test('sessions that nobody closed are collected, threads and all', () => {
  const { stdout, stderr } = endOf('forgotten');
  expect(stderr).toBe('');
  const grownMb = Number(/grown by (-?\d+) MB/.exec(stdout)?.[1]);
  expect(grownMb).toBeLessThan(100);
});

test('tells its maker nothing: a run leaves no trace in the home of its user', () => {
  const home = mkdtempSync(join(tmpdir(), 'vedette-home-'));
  try {
    const { status, stderr } = endOf('idle', home);
    expect(status, stderr).toBe(0);
    expect(readdirSync(home, { recursive: true })).toEqual([]);
  } finally {
    rmSync(home, { recursive: true });
  }
});

/** The library keeps quiet on machines that say they are for continuous integration; the process does not hear of it. */
function endOf(way: string, home = process.env.HOME): SpawnSyncReturns<string> {
  const script = join(import.meta.dirname, '../fixtures/session-process.ts');
  const args = ['--expose-gc', '--import', 'tsx', script, way];
  const env = { PATH: process.env.PATH, VEDETTE_ORT: process.env.VEDETTE_ORT, HOME: home };
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000, env });
}
