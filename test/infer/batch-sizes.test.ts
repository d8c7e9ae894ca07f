import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { batchSizesOf, capacityFor, paddedSize } from '../../src/infer/engine.ts';

function modelWith(batchSizes: readonly number[] | undefined): ModelManifest {
  const maxBatch = batchSizes === undefined ? 8 : Math.max(...batchSizes);
  return { maxBatch, ...(batchSizes && { batchSizes }) } as ModelManifest;
}

describe('batch sizes', () => {
  it('are those of the model, cut at the capacity', () => {
    expect(capacityFor(modelWith([1, 4, 16]), 8)).toBe(4);
    expect(capacityFor(modelWith([4]), 1)).toBe(4);
    expect(capacityFor(modelWith(undefined), 64)).toBe(8);
    expect(batchSizesOf(modelWith([1, 4, 16]), 'cpu', 4)).toEqual([1, 4]);
    expect(batchSizesOf(modelWith(undefined), 'cpu', 8)).toBeUndefined();
  });

  it('is one for TensorRT, which builds an engine for each', () => {
    expect(batchSizesOf(modelWith(undefined), 'tensorrt', 8)).toEqual([8]);
  });

  it('always holds the batch, with the least padding', () => {
    const sizes = fc
      .uniqueArray(fc.integer({ min: 1, max: 64 }), { minLength: 1 })
      .map((list) => list.sort((a, b) => a - b));
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 64 }), fc.nat(), (list, wanted, pick) => {
        const model = modelWith(list);
        const capacity = capacityFor(model, wanted);
        const count = 1 + (pick % capacity);
        const size = paddedSize(count, batchSizesOf(model, 'cpu', capacity));
        expect(list).toContain(size);
        expect(size).toBeGreaterThanOrEqual(count);
        expect(size).toBeLessThanOrEqual(capacity);
        expect(list.filter((one) => one >= count && one < size)).toEqual([]);
      }),
    );
  });
});
