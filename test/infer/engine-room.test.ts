// What a model will need of the arena is known before it is opened: enough for whatever layout is measured or taken.

import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { createLog } from '../../src/core/log.ts';
import { arenaBytesFor } from '../../src/infer/engine.ts';
import { layoutCandidates } from '../../src/infer/layout.ts';
import { engineRoom, type OpenEngineOptions } from '../../src/infer/open-engine.ts';

const manifest = {
  sha256: 'x',
  maxBatch: 16,
  input: {
    ...{ name: 'images', widthPx: 320, heightPx: 320, layout: 'planar', order: 'rgb' },
    ...{ dtype: 'uint8', fit: 'corner', pad: 114, mean: [0, 0, 0], scale: [1, 1, 1] },
  },
} as unknown as ModelManifest;
const WISHES = { sessions: 'auto', threads: 'auto' } as const;

function options(provider: string, providers: readonly string[]): OpenEngineOptions {
  const batch = { max_batch_size: 'auto' } as const;
  return {
    ...{ manifest, extraBytes: 1000, log: createLog('silent') },
    runtime: { library: '/lib', version: '1', providers },
    settings: { provider, ...WISHES, batch, provider_options: {}, plugins: [] },
  };
}

function bytesOf(provider: string): number {
  const cores = availableParallelism();
  return layoutCandidates({ ...WISHES, provider, cores, batch: 'auto', maxBatch: 16 })
    .map(({ sessions, batch }) => arenaBytesFor(manifest, sessions, batch))
    .reduce((sum, bytes) => sum + bytes, 0);
}

test('there is room for all layouts of any provider that may be tried', () => {
  const { arenaBytes } = engineRoom(options('auto', ['tensorrt', 'cuda', 'webgpu', 'cpu']));
  const most = Math.max(...['tensorrt', 'cuda', 'cpu'].map(bytesOf));
  expect(arenaBytes).toBe(most + 1000);
  expect(engineRoom(options('cpu', ['cuda', 'cpu'])).arenaBytes).toBe(bytesOf('cpu') + 1000);
});

test('frames under way are those of the provider that is always there, or of the one that was named', () => {
  const cores = availableParallelism();
  const all = ['tensorrt', 'cuda', 'cpu'];
  expect(engineRoom(options('auto', all)).framesUnderWay).toBe(2 * cores);
  expect(engineRoom(options('cuda', all)).framesUnderWay).toBe(16);
});

test('a layout that was measured is the only one there is room for', () => {
  const known = { sessions: 1, threads: availableParallelism(), batch: 1 };
  const layouts = { find: () => known } as unknown as NonNullable<OpenEngineOptions['layouts']>;
  const { arenaBytes, framesUnderWay } = engineRoom({ ...options('cpu', ['cpu']), layouts });
  expect(arenaBytes).toBe(arenaBytesFor(manifest, 1, 1) + 1000);
  expect(framesUnderWay).toBe(2);
});
