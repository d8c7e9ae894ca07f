// Layouts: which are tried, which is chosen, and how a calibration behaves with engines whose speed is known.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrate, calibrationText } from '../../src/infer/calibration.ts';
import {
  chooseLayout,
  type Layout,
  type LayoutWishes,
  layoutCandidates,
  layoutText,
} from '../../src/infer/layout.ts';

const AUTO: LayoutWishes = {
  ...{ provider: 'cpu', cores: 4, sessions: 'auto', threads: 'auto', batch: 'auto', maxBatch: 8 },
};
const texts = (wishes: Partial<LayoutWishes>) =>
  layoutCandidates({ ...AUTO, ...wishes }).map(layoutText);
const count = fc.integer({ min: 1, max: 64 });

describe('layoutCandidates', () => {
  it('begins with one thread per core and never asks for more threads than cores', () => {
    fc.assert(
      fc.property(count, count, (cores, maxBatch) => {
        const candidates = layoutCandidates({ ...AUTO, cores, maxBatch });
        expect(candidates[0]).toEqual({ sessions: cores, threads: 1, batch: 1 });
        for (const { sessions, threads } of candidates) {
          expect(sessions).toBeGreaterThanOrEqual(1);
          expect(sessions * threads).toBeLessThanOrEqual(cores);
        }
        expect(new Set(candidates.map(layoutText)).size).toBe(candidates.length);
      }),
    );
  });

  it('has one where the configuration fixes sessions or threads, and keeps to it', () => {
    fc.assert(
      fc.property(count, count, fc.constantFrom('cpu', 'cuda'), (cores, fixed, provider) => {
        const bySessions = layoutCandidates({ ...AUTO, provider, cores, sessions: fixed });
        expect(bySessions).toMatchObject([{ sessions: fixed, threads: 1 }]);
        const byThreads = layoutCandidates({ ...AUTO, cores, threads: fixed });
        expect(byThreads).toMatchObject([{ threads: fixed }]);
      }),
    );
  });

  it('on the boards that are common', () => {
    expect(texts({ cores: 1 })).toEqual(['1 session × 1 thread']);
    expect(texts({ cores: 2 })).toEqual(['2 sessions × 1 thread', '1 session × 2 threads']);
    expect(texts({ cores: 4 })).toEqual([
      '4 sessions × 1 thread',
      '2 sessions × 2 threads',
      '1 session × 4 threads',
      '2 sessions × 1 thread',
    ]);
    const one = '1 session × 1 thread';
    expect(texts({ provider: 'cuda', maxBatch: 64 })).toEqual([
      one,
      ...[2, 4, 8].map((size) => `${one}, batches of ${size}`),
    ]);
    expect(texts({ provider: 'openvino', maxBatch: 3 }).at(-1)).toBe(`${one}, batches of 3`);
    expect(texts({ provider: 'tensorrt', maxBatch: 64 })).toEqual([`${one}, batches of 8`]);
    expect(texts({ provider: 'cuda', maxBatch: 4, batch: 16 })).toEqual([`${one}, batches of 4`]);
  });
});

const measured = fc.array(
  fc.record({
    sessions: count,
    threads: count,
    batch: count,
    fps: fc.double({ min: 0.01, max: 1e5, noNaN: true }),
  }),
  { minLength: 1, maxLength: 12 },
);

describe('chooseLayout', () => {
  it('takes one within 2 % of the best, and none before it was', () => {
    fc.assert(
      fc.property(measured, (all) => {
        const best = Math.max(...all.map(({ fps }) => fps));
        const chosen = chooseLayout(all);
        expect(chosen.fps).toBeGreaterThanOrEqual(best * 0.98);
        for (const earlier of all.slice(0, all.indexOf(chosen))) {
          expect(earlier.fps).toBeLessThan(best * 0.981);
        }
      }),
    );
  });

  it('does not depend on the speed of the machine', () => {
    fc.assert(
      fc.property(measured, fc.constantFrom(0.25, 4, 64), (all, factor) => {
        const scaled = all.map((one) => ({ ...one, fps: one.fps * factor }));
        expect(scaled.indexOf(chooseLayout(scaled))).toBe(all.indexOf(chooseLayout(all)));
      }),
    );
  });
});

/** Engines whose rate is known, on a clock that moves while one is opened or measured. */
class Bench {
  nowMs = 0;
  open = 0;
  mostOpen = 0;
  readonly opened: string[] = [];
  private readonly fps: (layout: Layout) => number;
  private readonly openMs: number;

  constructor(fps: (layout: Layout) => number, openMs = 50) {
    this.fps = fps;
    this.openMs = openMs;
  }

  async start(layout: Layout) {
    const fps = this.fps(layout);
    this.nowMs += this.openMs;
    this.opened.push(layoutText(layout));
    if (fps <= 0) throw new Error('out of memory');
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    return {
      layout,
      measure: async (windowMs: number) => {
        const runMs = 1000 / fps;
        this.nowMs += Math.max(windowMs, runMs);
        return { fps, runMs };
      },
      close: async () => {
        this.open -= 1;
      },
    };
  }

  run(candidates: readonly Layout[]) {
    return calibrate({
      candidates,
      open: (layout) => this.start(layout),
      nowMs: () => this.nowMs,
    });
  }
}

describe('calibrate', () => {
  const four = layoutCandidates(AUTO);

  it('ends with the winner open and nothing else, close to the best, within its time', async () => {
    const rates = fc.array(fc.double({ min: 1, max: 500, noNaN: true }), {
      minLength: 4,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(rates, fc.integer({ min: 1, max: 3000 }), async (fps, openMs) => {
        const bench = new Bench((layout) => fps[four.indexOf(layout)] ?? 0, openMs);
        const { contender, layout, measured } = await bench.run(four);
        expect(contender.layout).toBe(layout);
        expect([bench.open, bench.mostOpen]).toEqual([1, Math.min(2, bench.opened.length)]);
        const reached = Math.max(...measured.map((one) => one.fps));
        expect(fps[four.indexOf(layout)]).toBeGreaterThanOrEqual(reached * 0.98);
        const slowestRunMs = 1000 / Math.min(...fps);
        expect(bench.nowMs - openMs).toBeLessThanOrEqual(4000 + 8 * slowestRunMs);
      }),
    );
  });

  it('measures nothing where there is no choice', async () => {
    const bench = new Bench(() => 10);
    const { measured } = await bench.run(four.slice(0, 1));
    expect([measured, bench.nowMs]).toEqual([[], 50]);
  });

  it('passes over a layout that cannot be opened, and fails when the first one cannot', async () => {
    const small = new Bench(({ sessions }) => (sessions === 2 ? 0 : 100 / sessions));
    const { layout } = await small.run(four);
    expect([layoutText(layout), small.open]).toEqual(['1 session × 4 threads', 1]);
    await expect(new Bench(() => 0).run(four)).rejects.toThrow('out of memory');
  });

  it('says what it found in one line', () => {
    const [a, b] = four as [Layout, Layout];
    const found = [
      { ...a, fps: 190.4 },
      { ...b, fps: 131.2 },
    ];
    expect(calibrationText(a, found)).toBe(
      '4 sessions × 1 thread: 190/s; next best 2 sessions × 2 threads: 131/s',
    );
  });
});
