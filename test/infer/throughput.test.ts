// What a rate would have been without the other processes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { undisturbedRate } from '../../src/infer/throughput.ts';

const facts = fc.record({
  isWide: fc.boolean(),
  bound: fc.double({ min: 0.1, max: 1e4, noNaN: true }),
  lost: fc.double({ min: 0, max: 1, noNaN: true }),
});
const rate = fc.double({ min: 0.1, max: 1e4, noNaN: true });

describe('undisturbedRate', () => {
  it('is never below what was seen, nor above what processor time allows', () => {
    fc.assert(
      fc.property(rate, facts, (fps, window) => {
        const found = undisturbedRate(fps, window);
        expect(found).toBeGreaterThanOrEqual(fps);
        expect(found).toBeLessThanOrEqual(Math.max(fps, window.bound));
      }),
    );
  });

  it('does not fall when more was lost, as long as that says anything', () => {
    fc.assert(
      fc.property(rate, facts, fc.double({ min: 0, max: 1, noNaN: true }), (fps, window, more) => {
        const lost = Math.max(window.lost, more);
        fc.pre(lost <= 0.5);
        expect(undisturbedRate(fps, { ...window, lost })).toBeGreaterThanOrEqual(
          undisturbedRate(fps, window),
        );
      }),
    );
  });

  it('is what was seen on a quiet machine, and follows from processor time on a busy one', () => {
    expect(undisturbedRate(500, { isWide: false, bound: 563, lost: 0.01 })).toBe(500);
    expect(undisturbedRate(300, { isWide: false, bound: 563, lost: 0.2 })).toBe(563);
    expect(undisturbedRate(300, { isWide: true, bound: 478, lost: 0.25 })).toBe(400);
    expect(undisturbedRate(300, { isWide: true, bound: 478, lost: 0.45 })).toBe(478);
    expect(undisturbedRate(100, { isWide: true, bound: 478, lost: 0.9 })).toBe(100);
  });
});
