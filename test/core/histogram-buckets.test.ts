// Buckets: nothing lost, ascending, and small whole numbers told apart.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Histogram } from '../../src/core/histogram.ts';

it('holds every value once, in ascending buckets', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true })), (values) => {
      const histogram = new Histogram();
      for (const value of values) histogram.add(value);
      const buckets = histogram.buckets();
      expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
      const edges = buckets.map(({ upToMs }) => upToMs);
      expect(edges).toEqual([...edges].sort((a, b) => a - b));
    }),
  );
});

it('tells whole numbers below ten apart', () => {
  const histogram = new Histogram();
  for (let frames = 1; frames < 10; frames++) histogram.add(frames);
  const found = histogram.buckets().map(({ upToMs }) => Math.floor(upToMs));
  expect(found).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
