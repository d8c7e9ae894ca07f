import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { frameOf } from '../fakes/frames.ts';

/** Offers frames of each camera at its stream rate and takes one every `serviceMs`. */
function simulate(
  cameras: readonly { streamFps: number; fps: number }[],
  serviceMs: number,
  forMs: number,
): { scheduler: Scheduler; taken: number[]; worstGapMs: number[] } {
  const scheduler = new Scheduler();
  const taken = cameras.map(() => 0);
  const lastTakenMs = cameras.map(() => 0);
  const worstGapMs = cameras.map(() => 0);
  cameras.forEach((camera, i) => {
    scheduler.setCamera(`c${i}`, camera.fps);
  });
  const nextOfferMs = cameras.map((_, i) => i * 1.7);
  const sequences = cameras.map(() => 0);
  let freeAtMs = 0;
  for (let nowMs = 0; nowMs < forMs; nowMs += 1) {
    cameras.forEach((camera, i) => {
      if (nowMs < nextOfferMs[i]!) return;
      nextOfferMs[i]! += 1000 / camera.streamFps;
      sequences[i]! += 1;
      const ptsNs = (sequences[i]! * 1e9) / camera.streamFps;
      scheduler.offer(frameOf(`c${i}`, sequences[i]!, { ptsNs }));
    });
    while (freeAtMs <= nowMs) {
      const frame = scheduler.take(nowMs);
      if (frame === undefined) break;
      const i = Number(frame.camera.slice(1));
      taken[i]! += 1;
      worstGapMs[i] = Math.max(worstGapMs[i]!, nowMs - lastTakenMs[i]!);
      lastTakenMs[i] = nowMs;
      freeAtMs = Math.max(freeAtMs, nowMs) + serviceMs;
    }
  }
  return { scheduler, taken, worstGapMs };
}

describe('Scheduler', () => {
  it('keeps the newest frame of a camera and counts the one it replaced', () => {
    const scheduler = new Scheduler();
    scheduler.setCamera('a', 1000);
    scheduler.offer(frameOf('a', 1));
    scheduler.offer(frameOf('a', 2));
    expect(scheduler.take(2)?.sequence).toBe(2);
    expect(scheduler.take(2)).toBeUndefined();
    expect(scheduler.counts('a')?.skipped.replaced).toBe(1);
  });

  it('reaches the wanted rate within 2 % when the stream is faster', () => {
    for (const [streamFps, fps] of [
      [30, 5],
      [25, 10],
      [15, 15],
      [29.97, 7],
    ] as const) {
      const { taken } = simulate([{ streamFps, fps }], 0.1, 60_000);
      expect(taken[0]! / (60 * fps)).toBeGreaterThan(0.98);
      expect(taken[0]! / (60 * fps)).toBeLessThan(1.02);
    }
  });

  it('takes every frame of a stream that has the wanted rate, however late each arrives', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 20 }), (delaysMs) => {
        const scheduler = new Scheduler();
        scheduler.setCamera('a', 10);
        const taken = delaysMs.map((delayMs, i) => {
          scheduler.offer(frameOf('a', i, { ptsNs: i * 1e8 }));
          return scheduler.take(i * 100 + delayMs)?.sequence;
        });
        expect(taken).toEqual(delaysMs.map((_, i) => i));
      }),
    );
  });

  it('goes on at once when a session or its timeline starts anew', () => {
    const scheduler = new Scheduler();
    scheduler.setCamera('a', 5);
    scheduler.offer(frameOf('a', 1, { ptsNs: 9e12 }));
    expect(scheduler.take(0)?.sequence).toBe(1);
    expect(scheduler.offer(frameOf('a', 1, { ptsNs: 0, session: 's2' }))).toBe(true);
    expect(scheduler.take(1)?.session).toBe('s2');
    expect(scheduler.offer(frameOf('a', 2, { ptsNs: 8e12, session: 's2' }))).toBe(true);
  });

  it('gives every camera the same share of its wish under overload', () => {
    const cameras = [
      { streamFps: 30, fps: 10 },
      { streamFps: 30, fps: 5 },
      { streamFps: 25, fps: 5 },
      { streamFps: 15, fps: 10 },
    ];
    const { taken } = simulate(cameras, 66, 60_000);
    const shares = taken.map((count, i) => count / (60 * cameras[i]!.fps));
    expect(Math.min(...shares) / Math.max(...shares)).toBeGreaterThan(0.8);
  });

  it('starves nobody among 256 cameras', () => {
    const cameras = Array.from({ length: 256 }, (_, i) => ({ streamFps: 15, fps: 1 + (i % 5) }));
    const { worstGapMs } = simulate(cameras, 4, 30_000);
    // 256 cameras ask for 768 frames/s and get 250: everyone waits about three of its own intervals.
    worstGapMs.forEach((gapMs, i) => {
      expect(gapMs).toBeLessThan((6 * 1000) / cameras[i]!.fps);
    });
  });

  it('conserves frames: offered = taken + skipped + waiting', () => {
    const cameras = fc.array(
      fc.record({
        streamFps: fc.integer({ min: 1, max: 60 }),
        fps: fc.double({ min: 0.2, max: 60, noNaN: true }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(cameras, fc.integer({ min: 1, max: 200 }), (wishes, serviceMs) => {
        const { scheduler } = simulate(wishes, serviceMs, 3000);
        let waiting = 0;
        wishes.forEach((_, i) => {
          const counts = scheduler.counts(`c${i}`)!;
          const skipped = Object.values(counts.skipped).reduce((sum, n) => sum + n, 0);
          waiting += counts.offered - counts.taken - skipped;
        });
        expect(waiting).toBe(scheduler.waiting);
      }),
      { numRuns: 60 },
    );
  });

  it('never hands out a frame of a removed camera', () => {
    const scheduler = new Scheduler();
    scheduler.setCamera('a', 5);
    scheduler.offer(frameOf('a', 1));
    scheduler.removeCamera('a');
    expect(scheduler.take(1)).toBeUndefined();
    expect(scheduler.offer(frameOf('a', 2))).toBe(false);
  });
});
