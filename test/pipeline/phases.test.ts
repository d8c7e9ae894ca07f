// Cameras whose analysed frames would arrive together: alone, and around the scheduler in virtual time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  randomOf,
  type Taken,
  type Waiting,
  type WaitingResult,
  wait,
} from '../../bench/schedule/waits.ts';
import {
  crowding,
  foldMs,
  freeShiftsMs,
  middleOf,
  type Rhythm,
  stepAside,
} from '../../src/pipeline/phases.ts';

const times = fc.double({ min: 0, max: 5000, noNaN: true });
const intervals = fc.constantFrom(100, 200, 250, 1000 / 3, 1000);
const rhythms = fc.record({ intervalMs: intervals, atMs: times });

describe('the places of analysed frames', () => {
  it('lie at whole frames, and not at key frames nor directly behind them', () => {
    expect(freeShiftsMs(200, 40)).toEqual([80, 120, 160]);
    expect(freeShiftsMs(240, 40)).toEqual([80, 120, 160, 200]);
    expect(freeShiftsMs(120, 40)).toEqual([80]);
    expect(freeShiftsMs(80, 40)).toEqual([40]);
    expect(freeShiftsMs(60, 40)).toEqual([0]);
    expect(freeShiftsMs(40, 40)).toEqual([]);
    expect([200, 240, 320, 80, 60].map((ms) => middleOf(freeShiftsMs(ms, 40)))).toEqual([
      120, 120, 160, 40, 0,
    ]);
  });

  it('are reached by steps of at most half an interval', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e7, max: 1e7, noNaN: true }), intervals, (ms, everyMs) => {
        const step = foldMs(ms, everyMs);
        expect(Math.abs(step)).toBeLessThanOrEqual(everyMs / 2 + everyMs / 64);
        expect((ms - step) / everyMs).toBeCloseTo(Math.round((ms - step) / everyMs), 4);
      }),
    );
    expect([100, 100 - 1e-9, -100, 300].map((ms) => Math.round(foldMs(ms, 200)))).toEqual([
      -100, -100, -100, -100,
    ]);
  });
});

describe('crowding', () => {
  it('is the same for both', () => {
    fc.assert(
      fc.property(rhythms, rhythms, (a, b) => {
        expect(crowding(a, [b])).toBeCloseTo(crowding(b, [a]), 9);
      }),
    );
  });

  it('weighs by how often two meet, and not at all whom any step meets as often', () => {
    const mine: Rhythm = { intervalMs: 200, atMs: 0 };
    const of = (intervalMs: number, atMs = 0): number => crowding(mine, [{ intervalMs, atMs }]);
    expect(of(400)).toBeCloseTo(of(200) / 2);
    expect(of(100)).toBeCloseTo(of(200));
    expect(of(200, 100)).toBeLessThan(of(200, 90));
    expect(of(100, 100)).toBeCloseTo(of(100));
    expect(of(201)).toBe(0);
  });

  it('ends: each step lessens the sum of all', () => {
    const machine = fc.array(rhythms, { minLength: 2, maxLength: 12 });
    fc.assert(
      fc.property(machine, (all) => {
        let steps = 0;
        for (let isMoving = true; isMoving; ) {
          isMoving = false;
          for (const [i, mine] of all.entries()) {
            const others = all.filter((_, k) => k !== i);
            const shifts = [-2, -1, 1, 2].map((n) => (n * mine.intervalMs) / 6);
            const step = stepAside(mine, shifts, others, true);
            if (step === 0) continue;
            isMoving = true;
            all[i] = { ...mine, atMs: mine.atMs + step };
            expect(++steps).toBeLessThan(50);
          }
        }
      }),
    );
  });
});

const INTERVAL_MS = 200;
/** Grids are looked at after 1, 2, 4, 8 and 16 seconds, then every ten. */
const SETTLED_MS = 17_000;

interface Machine {
  readonly firstsMs: readonly number[];
  readonly streamFps: number;
  readonly seed: number;
}

function machineOf(most: number): fc.Arbitrary<Machine> {
  return fc.record({
    firstsMs: fc.oneof(
      fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 2, maxLength: most }),
      fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: most }),
    ),
    streamFps: fc.constantFrom(25, 30),
    seed: fc.integer(),
  });
}

/** Cameras of which five frames per second are analysed, as fast as may be. */
function play(machine: Machine, jitterMs: number, others: Partial<Waiting> = {}): WaitingResult {
  const { firstsMs, streamFps, seed } = machine;
  const cameras = firstsMs.map((firstMs) => ({ streamFps, fps: 5, firstMs }));
  const random = randomOf(seed);
  const usual = { cameras, serviceMs: 1, jitterMs, forMs: 30_000, isSpread: true, random };
  return wait({ ...usual, ...others });
}

function takenBy(camera: number, { taken }: WaitingResult): Taken[] {
  return taken.filter((one) => one.camera === camera);
}

describe('cameras of one machine', () => {
  it('keep apart, whenever they begin, as far as there are frames between their key frames', () => {
    fc.assert(
      fc.property(machineOf(3), (machine) => {
        const result = play(machine, 0);
        const lastMs = machine.firstsMs.map((_, i) => takenBy(i, result).at(-1)!.arrivedMs);
        const frameMs = 1000 / machine.streamFps;
        const evenMs = INTERVAL_MS / lastMs.length - frameMs;
        // Between two others that lie two frames apart, a third has half a frame to each at worst.
        const leastMs = lastMs.length === 2 ? evenMs : Math.min(evenMs, frameMs / 2);
        for (const [i, ms] of lastMs.entries()) {
          for (const other of lastMs.slice(0, i)) {
            const gapMs = Math.abs(foldMs(ms - other, INTERVAL_MS));
            expect(gapMs).toBeGreaterThan(leastMs - 2);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are never analysed at a key frame or directly behind it, and each as often as before', () => {
    fc.assert(
      fc.property(machineOf(12), (machine) => {
        const { firstsMs, streamFps } = machine;
        const result = play(machine, 3);
        firstsMs.forEach((firstMs, i) => {
          const frames = takenBy(i, result).map(({ frame }) => frame);
          expect(frames[0]).toBe(0);
          expect(frames.slice(1).filter((frame) => frame % (streamFps / 5) < 2)).toEqual([]);
          expect(Math.abs(frames.length - (30_000 - firstMs) / INTERVAL_MS)).toBeLessThan(3);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('never wait for more than one and a half intervals, nor come closer than half of one', () => {
    fc.assert(
      fc.property(machineOf(12), (machine) => {
        const result = play(machine, 3);
        const frameMs = 1000 / machine.streamFps;
        machine.firstsMs.forEach((_, i) => {
          const ptsMs = takenBy(i, result).map((one) => one.ptsMs);
          const gapsMs = ptsMs.slice(1).map((ms, at) => ms - ptsMs[at]!);
          expect(Math.max(...gapsMs)).toBeLessThan(1.5 * INTERVAL_MS + 1);
          expect(Math.min(...gapsMs)).toBeGreaterThan(0.5 * INTERVAL_MS - frameMs);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('come to rest, though frames arrive up to 10 ms late', () => {
    fc.assert(
      fc.property(machineOf(8), (machine) => {
        const { steps } = play(machine, 10, { forMs: 60_000 });
        const late = steps.filter(({ atMs }) => atMs > SETTLED_MS).map(({ camera }) => camera);
        // Some find late that there is a little more room elsewhere; none goes to and fro.
        expect(late.length).toBeLessThanOrEqual(2);
        expect(new Set(late).size).toBe(late.length);
      }),
      { numRuns: 30 },
    );
  });

  it('wait less for each other', () => {
    for (const seed of [1, 2, 3]) {
      const random = randomOf(seed);
      const firstsMs = Array.from({ length: 16 }, () => 200 * random());
      const [alone, apart] = [false, true].map((isSpread) => {
        const { taken } = play({ firstsMs, streamFps: 30, seed }, 3, { isSpread, serviceMs: 7.5 });
        const late = taken.filter(({ arrivedMs }) => arrivedMs > SETTLED_MS);
        return late.reduce((sum, { waitedMs }) => sum + waitedMs, 0) / late.length;
      });
      expect(apart! / alone!).toBeLessThan(0.5);
    }
  });
});
