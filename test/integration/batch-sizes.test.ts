// A model that takes batches of certain sizes only: what it finds does not depend on the padding.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadModelManifest } from '../../src/config/model-manifest.ts';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { arenaBytesFor, InferenceEngine } from '../../src/infer/engine.ts';
import { Arena } from '../../src/native/arena.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import { needsShared, shared } from '../shared.ts';

const ROOT = join(import.meta.dirname, '../..');
const WANTED = 4;
const COUNT = 3;

/** Batch and first numbers of each of `COUNT` pictures of noise, another noise in each, the same for every engine. */
async function outputsOf(manifest: ModelManifest): Promise<{ batch: number; values: number[][] }> {
  const arena = Arena.create(arenaBytesFor(manifest, 1, WANTED));
  const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
  const provider = { library, provider: 'cpu', providerOptions: {}, plugins: [] };
  const layout = { sessions: 1, threads: 1, batch: WANTED };
  const engine = await InferenceEngine.open(manifest, { ...provider, ...layout }, arena);
  const set = engine.sets[0]!;
  const bytes = arena.view(set.offset, set.capacity * set.bytesPerFrame);
  const pixels = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  pixels.forEach((_, i) => {
    const slot = Math.floor((4 * i) / set.bytesPerFrame);
    pixels[i] = (i * (7919 + slot)) % 256;
  });
  const result = await engine.run(set, COUNT, ([output]) => {
    const { shape, data } = output!;
    const perFrame = data.length / shape[0]!;
    const values = Array.from({ length: COUNT }, (_, slot) =>
      Array.from(data.subarray(slot * perFrame, slot * perFrame + 2000) as Float32Array),
    );
    return { batch: shape[0]!, values };
  });
  await engine.close();
  arena.close();
  return result;
}

describe.skipIf(needsShared('batch sizes'))('batch sizes', () => {
  it('pad a batch of three to four, and leave the three as they are', async () => {
    const manifest = loadModelManifest(join(ROOT, 'test/fixtures/models/yolox-nano.yaml'), {
      modelFolder: shared('models'),
      labelFolder: join(ROOT, 'models/labels'),
    });
    const free = await outputsOf(manifest);
    const padded = await outputsOf({ ...manifest, maxBatch: 4, batchSizes: [1, 4] });
    expect(free.batch).toBe(3);
    expect(padded.batch).toBe(4);
    padded.values.forEach((values, slot) => {
      values.forEach((value, i) => {
        expect(value).toBeCloseTo(free.values[slot]![i]!, 3);
      });
    });
    expect(free.values[0]).not.toEqual(free.values[1]);
  });
});
