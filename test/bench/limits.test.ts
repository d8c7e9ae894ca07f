// The formulas behind `vedette bench`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bottleneckOf, pathLimit, sharedLimit, streamsByRate } from '../../src/bench/limits.ts';
import { load, UTILISATION } from '../../src/pipeline/admission.ts';
import { capacityOf, machines, ON } from '../fakes/capacity.ts';

const rate = fc.double({ min: 0.1, max: 1e5, noNaN: true });

describe('sharedLimit', () => {
  it('is below every part, whatever their order, and near the only slow one', () => {
    fc.assert(
      fc.property(fc.array(rate, { minLength: 2, maxLength: 5 }), (rates) => {
        const limit = sharedLimit(...rates);
        expect(limit).toBeLessThan(Math.min(...rates));
        expect(limit).toBeCloseTo(sharedLimit(...rates.toReversed()), 6);
        expect(limit).toBeGreaterThanOrEqual((Math.min(...rates) / rates.length) * (1 - 1e-9));
        expect(sharedLimit(rates[0]!, Number.POSITIVE_INFINITY)).toBeCloseTo(rates[0]!, 9);
      }),
    );
  });

  it('of two equal parts is half of one', () => expect(sharedLimit(100, 100)).toBe(50));
});

describe('pathLimit', () => {
  it('of an accelerator is its own rate or what the cores can feed it', () => {
    const slow = capacityOf({ inference_fps: 50, inference_cpu_ms: 0.1 });
    expect(pathLimit(slow, false, 2)).toBe(50);
    const fast = capacityOf({ inference_fps: 5000, inference_cpu_ms: 1 });
    expect(pathLimit(fast, false, 2)).toBe(2000 / 5);
    expect(pathLimit(capacityOf(), true, 2)).toBeCloseTo(1 / (1 / 1000 + 1 / 250 + 1 / 2000), 6);
  });
});

describe('bottleneckOf', () => {
  it('names the largest part of a stream', () => {
    fc.assert(
      fc.property(machines, fc.double({ min: 0.1, max: 60, noNaN: true }), (machine, fps) => {
        const { part, share, text } = bottleneckOf(fps, machine);
        expect(share).toBeGreaterThanOrEqual(0.25);
        expect(share).toBeLessThanOrEqual(1);
        expect(text).toContain(part === 'rest' ? 'around inference' : part.slice(0, 5));
      }),
    );
  });

  it('moves from decoding to inference as more is analysed', () => {
    const machine = { cores: 2, profile: capacityOf() };
    expect(bottleneckOf(1, machine)).toMatchObject({ part: 'decode', share: 50 / 60 });
    expect(bottleneckOf(20, machine)).toMatchObject({ part: 'inference', share: 160 / 250 });
    const offloaded = capacityOf({ inference_fps: 20, inference_cpu_ms: 0.1 });
    expect(bottleneckOf(5, { cores: 2, profile: offloaded }).text).toContain(
      'full before the cores',
    );
  });
});

it('docs/bench.md explains every key of a profile', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/bench.md'), 'utf8');
  const profile = capacityOf();
  const keys = [...Object.keys(profile), ...Object.keys(profile.clip), ...Object.keys(ON)];
  for (const key of keys) expect(text).toContain(`\`${key}\``);
});

it('fewer streams fit the more is analysed, and one more never does', () => {
  fc.assert(
    fc.property(machines, (machine) => {
      const all = streamsByRate(machine);
      expect(all.length).toBeGreaterThan(3);
      for (const [at, { fps, streams }] of all.entries()) {
        expect(streams).toBeLessThanOrEqual(all[at - 1]?.streams ?? Number.POSITIVE_INFINITY);
        fc.pre(streams < 5000);
        const rates = Array.from({ length: streams + 1 }, () => fps);
        expect(load(rates, machine)).toBeGreaterThan(UTILISATION * (1 - 1e-9));
      }
    }),
  );
});
