// Trying a provider in a process of its own: what works, what does not, and what falls over.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tryProvider } from '../../src/native/provider-trial.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import { TRIAL_MODEL } from '../../src/native/trial-model.ts';
import { FLOAT, writeModel } from '../fixtures/onnx-writer.ts';

const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;

test('the trial model is the one it says it is', () => {
  const written = writeModel({
    inputs: [{ name: 'x', type: FLOAT, shape: [1, 1, 16, 16] }],
    outputs: [{ name: 'y', type: FLOAT, shape: [1, 1, 14, 14] }],
    nodes: [
      { operator: 'Conv', inputs: ['x', 'w'], outputs: ['c'] },
      { operator: 'Relu', inputs: ['c'], outputs: ['y'] },
    ],
    weights: [{ name: 'w', shape: [1, 1, 3, 3], values: [1, 2, 3, 4, 5, 6, 7, 8, 9] }],
  });
  expect(Buffer.from(TRIAL_MODEL).equals(written)).toBe(true);
});

test('the CPU computes, and right', async () => {
  const { tookMs } = await tryProvider({ library, provider: 'cpu' });
  expect(tookMs).toBeGreaterThan(0);
});

test('what cannot be used says why', async () => {
  await expect(tryProvider({ library, provider: 'abacus' })).rejects.toMatchObject({
    code: 'PROVIDER_UNAVAILABLE',
    detail: { provider: 'abacus', cause: expect.stringMatching(/^this build of ONNX Runtime/) },
  });
  const text = join(tmpdir(), `vedette-no-library-${process.pid}`);
  writeFileSync(text, 'text');
  await expect(tryProvider({ library: text, provider: 'cpu' })).rejects.toMatchObject({
    code: 'RUNTIME_UNAVAILABLE',
  });
});
