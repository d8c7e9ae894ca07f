// What the scheduler promises for whole machines, in virtual time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SimulatedCamera, simulate } from '../../bench/schedule/simulation.ts';
import { noticeEveryMs } from '../../src/pipeline/frame-rate.ts';
import type { Wish } from '../../src/pipeline/lane.ts';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { frameOf } from '../fakes/frames.ts';

function camera(streamFps: number, fps: number, overrides: Partial<Wish> = {}): SimulatedCamera {
  return { streamFps, wish: { fps, idleFps: 0.5, minFps: 0.05, priority: 1, ...overrides } };
}

const wishes = fc.record({
  fps: fc.double({ min: 0.2, max: 60, noNaN: true }),
  idleFps: fc.double({ min: 0.05, max: 5, noNaN: true }),
  minFps: fc.double({ min: 0.05, max: 5, noNaN: true }),
  priority: fc.double({ min: 0.1, max: 10, noNaN: true }),
});
const cameras = fc.record({
  streamFps: fc.integer({ min: 1, max: 60 }),
  wish: wishes,
  motionAt: fc.constantFrom(
    () => 0,
    () => 1,
    (ptsMs: number) => (ptsMs % 4000 < 1000 ? 0.1 : 0),
  ),
});
const machines = fc.array(cameras, { minLength: 1, maxLength: 8 });
const serviceTimes = fc.integer({ min: 1, max: 200 });

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** By which an interval may be longer once, when a camera steps aside. */
function stepMs({ fps }: Wish): number {
  return noticeEveryMs(fps) / 2;
}

describe('Scheduler, for whole machines', () => {
  it('reaches the wanted rate within 2 % when the stream is faster', () => {
    for (const [streamFps, fps] of [
      [30, 5],
      [25, 10],
      [15, 15],
      [29.97, 7],
    ] as const) {
      const result = simulate({ cameras: [camera(streamFps, fps)], serviceMs: 0.1, forMs: 60_000 });
      expect(result.cameras[0]!.taken / (60 * fps)).toBeGreaterThan(0.98);
      expect(result.cameras[0]!.taken / (60 * fps)).toBeLessThan(1.02);
    }
  });

  it('takes what a camera process tells of at its own pace, whatever the phase of that', () => {
    const rates = fc.record({
      streamFps: fc.constantFrom(15, 25, 29.97, 50),
      fps: fc.constantFrom(0.4, 1, 2, 5, 7, 10),
      phase: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(rates, ({ streamFps, fps, phase }) => {
        const scheduler = new Scheduler();
        scheduler.setCamera('a', { fps, idleFps: fps, minFps: 0.05, priority: 1 });
        const everyMs = noticeEveryMs(fps);
        const takenMs: number[] = [];
        let told = 0;
        for (let sequence = 1, slot = 0; sequence < 60 * streamFps; sequence++) {
          const ptsMs = (sequence * 1000) / streamFps;
          if (sequence > 3 && ptsMs < (slot + phase) * everyMs - 500 / streamFps) continue;
          slot = Math.round(ptsMs / everyMs - phase) + 1;
          const frame = { ptsNs: ptsMs * 1e6, untold: sequence - told - 1 };
          scheduler.offer(frameOf('a', sequence, frame));
          if (scheduler.take(ptsMs)) takenMs.push(ptsMs);
          told = sequence;
        }
        expect(Math.abs(takenMs.length - 60 * fps)).toBeLessThanOrEqual(2);
        takenMs.slice(1).forEach((ms, i) => {
          expect(ms - takenMs[i]!).toBeLessThan(2000 / fps + 1000 / streamFps);
        });
      }),
      { numRuns: 200 },
    );
  });

  it('analyses no key frame but the first where its grid could meet them all', () => {
    const streams = fc.record({
      perInterval: fc.integer({ min: 2, max: 15 }),
      intervals: fc.integer({ min: 1, max: 20 }),
      jitters: fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 400, maxLength: 400 }),
      isThinned: fc.boolean(),
    });
    fc.assert(
      fc.property(streams, ({ perInterval, intervals, jitters, isThinned }) => {
        const scheduler = new Scheduler();
        const fps = 25 / perInterval;
        scheduler.setCamera('a', { fps, idleFps: fps, minFps: 0.05, priority: 1 });
        const taken: number[] = [];
        jitters.forEach((jitterMs, i) => {
          const isTold = !isThinned || i < 2 || (i + 1) % perInterval === 0;
          if (isTold) scheduler.offer(frameOf('a', i + 1, { ptsNs: (i * 40 + jitterMs) * 1e6 }));
          if (scheduler.take(i * 40)) taken.push(i);
        });
        expect(taken.filter((i) => i % (perInterval * intervals) === 0)).toEqual([0]);
        expect(Math.abs(taken.length - 400 / perInterval)).toBeLessThanOrEqual(2);
      }),
      { numRuns: 200 },
    );
  });

  it('conserves frames: offered = taken + skipped by cause + waiting', () => {
    fc.assert(
      fc.property(machines, serviceTimes, (machine, serviceMs) => {
        const result = simulate({ cameras: machine, serviceMs, forMs: 3000 });
        const left = result.cameras.map(
          ({ offered, taken, skipped }) => offered - taken - sum(Object.values(skipped)),
        );
        for (const waiting of left) expect([0, 1]).toContain(waiting);
        expect(sum(left)).toBe(result.waiting);
      }),
      { numRuns: 60 },
    );
  });

  it('conserves frames that it was not told of', () => {
    const notice = fc.record({
      step: fc.integer({ min: 1, max: 40 }),
      motion: fc.constantFrom(0, 0.1),
      isTaken: fc.boolean(),
    });
    fc.assert(
      fc.property(wishes, fc.array(notice, { minLength: 1, maxLength: 60 }), (wish, notices) => {
        const scheduler = new Scheduler();
        scheduler.setCamera('a', wish);
        let sequence = 0;
        for (const { step, motion, isTaken } of notices) {
          sequence += step;
          scheduler.offer(frameOf('a', sequence, { motion, untold: step - 1 }));
          if (isTaken) scheduler.take(sequence * 40);
        }
        const { offered, taken, skipped } = scheduler.counts('a')!;
        expect(offered).toBe(sequence);
        expect(taken + sum(Object.values(skipped)) + scheduler.waiting).toBe(sequence);
      }),
    );
  });

  it('never idles while a frame waits, and never works on more than one at a time', () => {
    fc.assert(
      fc.property(machines, serviceTimes, (machine, serviceMs) => {
        const result = simulate({ cameras: machine, serviceMs, forMs: 3000 });
        const taken = sum(result.cameras.map((one) => one.taken));
        expect(taken).toBeLessThanOrEqual(3000 / serviceMs + 1);
        if (result.waiting > 0) expect(result.agesMs.length).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  it('starves nobody, whatever rates and priorities the others have', () => {
    fc.assert(
      fc.property(machines, serviceTimes, (machine, serviceMs) => {
        const busy = machine.map((one) => ({ ...one, motionAt: () => 1 }));
        const result = simulate({ cameras: busy, serviceMs, forMs: 20_000 });
        const floors = busy.map(({ wish }) => Math.min(wish.minFps, wish.fps));
        const load = (sum(floors) * Math.max(1, serviceMs)) / 1000;
        result.cameras.forEach((one, i) => {
          const roundMs = busy.length * Math.max(1, serviceMs);
          const { streamFps, wish } = busy[i]!;
          const boundMs = ((1 + load) * 1000) / floors[i]! + roundMs + 2000 / streamFps;
          expect(one.longestGapMs).toBeLessThan(boundMs + stepMs(wish));
        });
      }),
      { numRuns: 60 },
    );
  });

  it('keeps every floor when the machine can carry the floors', () => {
    fc.assert(
      fc.property(machines, (machine) => {
        const busy = machine.map((one) => ({ ...one, streamFps: 30, motionAt: () => 1 }));
        const floors = busy.map(({ wish }) => Math.min(wish.minFps, wish.fps));
        // Floors take 80 % of the machine, the wishes much more.
        const serviceMs = 800 / sum(floors);
        const result = simulate({ cameras: busy, serviceMs, forMs: 30_000 });
        result.cameras.forEach((one, i) => {
          const turnMs = 1000 / floors[i]! + busy.length * serviceMs + 70;
          expect(one.longestGapMs).toBeLessThan(turnMs + stepMs(busy[i]!.wish));
        });
      }),
      { numRuns: 60 },
    );
  });

  it('shares evenly among equals', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 32 }), serviceTimes, (count, serviceMs) => {
        const equals = Array.from({ length: count }, () => camera(25, 5));
        const { cameras: served } = simulate({ cameras: equals, serviceMs, forMs: 20_000 });
        const taken = served.map((one) => one.taken);
        expect(Math.max(...taken) - Math.min(...taken)).toBeLessThanOrEqual(2);
      }),
      { numRuns: 40 },
    );
  });

  it('gives every camera the same share of its wish under overload', () => {
    const busy = [camera(30, 10), camera(30, 5), camera(25, 5), camera(15, 10)];
    const { cameras: served } = simulate({ cameras: busy, serviceMs: 66, forMs: 60_000 });
    const shares = served.map((one, i) => one.taken / (60 * busy[i]!.wish.fps));
    expect(Math.min(...shares) / Math.max(...shares)).toBeGreaterThan(0.8);
  });

  it('gives a camera no less when its priority rises', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(wishes, fc.integer({ min: 0, max: 3000 })), {
          minLength: 2,
          maxLength: 8,
        }),
        fc.double({ min: 1, max: 10, noNaN: true }),
        fc.integer({ min: 3000, max: 9000 }),
        (lanes, factor, nowMs) => {
          const choose = (raised: number | undefined): string => {
            const scheduler = new Scheduler();
            lanes.forEach(([wish, servedMs], i) => {
              const priority = i === raised ? wish.priority * factor : wish.priority;
              scheduler.setCamera(`c${i}`, { ...wish, priority });
              scheduler.offer(frameOf(`c${i}`, 1));
              scheduler.take(servedMs);
            });
            lanes.forEach((_, i) => {
              scheduler.offer(frameOf(`c${i}`, 2, { ptsNs: 4.9e9 }));
            });
            return scheduler.take(nowMs)!.camera;
          };
          const winner = Number(choose(undefined).slice(1));
          expect(choose(winner)).toBe(`c${winner}`);
        },
      ),
    );
  });

  it('gives twice the priority about twice the frames under overload', () => {
    const busy = [camera(30, 10, { priority: 2 }), camera(30, 10), camera(30, 10)];
    const { cameras: served } = simulate({ cameras: busy, serviceMs: 66, forMs: 60_000 });
    expect(served[0]!.taken / served[1]!.taken).toBeGreaterThan(1.5);
    expect(served[0]!.taken / served[1]!.taken).toBeLessThan(2.5);
  });

  it('is not upset by a clock that leaps', () => {
    fc.assert(
      fc.property(
        machines,
        serviceTimes,
        fc.integer({ min: -1e9, max: 1e9 }),
        (machine, serviceMs, byMs) => {
          const run = (leap: { atMs: number; byMs: number } | undefined): number =>
            simulate({ cameras: machine, serviceMs, forMs: 6000, ...(leap && { leap }) }).agesMs
              .length;
          expect(Math.abs(run({ atMs: 3000, byMs }) - run(undefined))).toBeLessThanOrEqual(
            machine.length,
          );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('Scheduler, with 256 cameras', () => {
  const crowd = Array.from({ length: 256 }, (_, i) => camera(15, 1 + (i % 5), { minFps: 0.5 }));

  it('starves nobody at three times the load', () => {
    const { cameras: served } = simulate({ cameras: crowd, serviceMs: 4, forMs: 30_000 });
    served.forEach((one, i) => {
      expect(one.longestGapMs).toBeLessThan((6 * 1000) / crowd[i]!.wish.fps);
    });
  });

  it('does at twice the load what it does at once', () => {
    const serviceMs = 1000 / sum(crowd.map(({ wish }) => wish.fps));
    const usefulAt = (load: number): number => {
      const cameras = crowd.map((one) => ({
        ...one,
        wish: { ...one.wish, fps: one.wish.fps * load },
      }));
      const { cameras: served } = simulate({ cameras, serviceMs, forMs: 30_000 });
      return sum(served.map((one) => one.useful));
    };
    expect(usefulAt(2) / usefulAt(1)).toBeGreaterThan(0.98);
  });
});
