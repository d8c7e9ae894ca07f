// The scheduler frame by frame; what holds for whole machines is in scheduler-properties.test.ts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CALM } from '../../src/pipeline/attention.ts';
import type { Wish } from '../../src/pipeline/lane.ts';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { frameOf } from '../fakes/frames.ts';

function wish(fps: number, overrides: Partial<Wish> = {}): Wish {
  return { fps, idleFps: 0.5, minFps: Math.min(fps, 1), priority: 1, ...overrides };
}

function schedulerOf(wishes: Readonly<Record<string, Wish>>): Scheduler {
  const scheduler = new Scheduler();
  for (const [camera, one] of Object.entries(wishes)) scheduler.setCamera(camera, one);
  return scheduler;
}

/** Offers frames of camera `a` 100 ms apart, each taken at once; returns which ones were, with their still time. */
function take(scheduler: Scheduler, motions: readonly number[], from = 0): (number | undefined)[] {
  return motions.map((motion, i) => {
    const sequence = from + i;
    scheduler.offer(frameOf('a', sequence, { ptsNs: sequence * 1e8, motion }));
    const frame = scheduler.take(sequence * 100);
    return frame && (frame.stillMs ?? 0);
  });
}

describe('Scheduler', () => {
  it('keeps the newest frame of a camera and counts the one it replaced', () => {
    const scheduler = schedulerOf({ a: wish(5) });
    scheduler.offer(frameOf('a', 1));
    scheduler.offer(frameOf('a', 2));
    expect(scheduler.take(2)?.sequence).toBe(2);
    expect(scheduler.take(2)).toBeUndefined();
    expect(scheduler.counts('a')?.skipped).toMatchObject({ replaced: 1, overload: 0 });
  });

  it('calls it overload when a frame waits for its whole interval', () => {
    const scheduler = schedulerOf({ a: wish(5) });
    for (let i = 1; i <= 11; i++) scheduler.offer(frameOf('a', i));
    // 40 ms apart at 5 fps: the frames 1, 6 and 11 begin an interval.
    expect(scheduler.counts('a')?.skipped).toMatchObject({ replaced: 8, overload: 2 });
    expect(scheduler.take(500)?.sequence).toBe(11);
  });

  it('takes every frame of a stream that has the wanted rate, however late each arrives', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 90 }), { minLength: 20 }), (delaysMs) => {
        const scheduler = schedulerOf({ a: wish(10) });
        const taken = delaysMs.map((delayMs, i) => {
          scheduler.offer(frameOf('a', i, { ptsNs: i * 1e8 }));
          return scheduler.take(i * 100 + delayMs)?.sequence;
        });
        expect(taken).toEqual(delaysMs.map((_, i) => i));
      }),
    );
  });

  it('goes on at once when a session or its timeline starts anew', () => {
    const scheduler = schedulerOf({ a: wish(5) });
    scheduler.offer(frameOf('a', 1, { ptsNs: 9e12 }));
    expect(scheduler.take(0)?.sequence).toBe(1);
    expect(scheduler.offer(frameOf('a', 1, { ptsNs: 0, session: 's2' }))).toBe(true);
    expect(scheduler.take(1)?.session).toBe('s2');
    expect(scheduler.offer(frameOf('a', 2, { ptsNs: 8e12, session: 's2' }))).toBe(true);
  });

  it('never hands out a frame of a removed camera', () => {
    const scheduler = schedulerOf({ a: wish(5) });
    scheduler.offer(frameOf('a', 1));
    scheduler.removeCamera('a');
    expect(scheduler.take(1)).toBeUndefined();
    expect(scheduler.offer(frameOf('a', 2))).toBe(false);
  });

  it('serves the camera below its floor before one that is later in its own intervals', () => {
    const scheduler = schedulerOf({ often: wish(30), seldom: wish(2, { minFps: 2 }) });
    scheduler.offer(frameOf('often', 1));
    scheduler.offer(frameOf('seldom', 1));
    scheduler.take(0);
    scheduler.take(0);
    scheduler.offer(frameOf('often', 2, { ptsNs: 1e9 }));
    scheduler.offer(frameOf('seldom', 2, { ptsNs: 1e9 }));
    expect(scheduler.take(600)?.camera).toBe('seldom');
    expect(scheduler.take(600)?.camera).toBe('often');
  });
});

describe('Scheduler, while nothing moves', () => {
  const STILL = Array.from({ length: 100 }, () => 0);

  it('takes the heartbeat only, and tells how long nothing moved', () => {
    const scheduler = schedulerOf({ a: wish(10) });
    const taken = take(scheduler, [1, ...STILL]).map((stillMs) => stillMs !== undefined);
    expect(taken.slice(0, 11)).not.toContain(false);
    expect(taken.slice(11).filter(Boolean)).toHaveLength(4);
    expect(scheduler.counts('a')?.skipped.still).toBe(86);
    expect(take(scheduler, STILL, 101).filter((stillMs) => stillMs !== undefined)).toEqual([
      1900, 1900, 1900, 1900, 1900,
    ]);
  });

  it('takes the very frame that moves, and goes on at the full rate', () => {
    const scheduler = schedulerOf({ a: wish(10) });
    take(scheduler, [1, ...STILL.slice(0, 25)]);
    expect(take(scheduler, [0.01, 0, 0.01, 0, 0], 26)).toEqual([1500, 0, 0, 0, 0]);
  });

  it('stays at the full rate while a track is in doubt', () => {
    const scheduler = schedulerOf({ a: wish(10) });
    take(scheduler, [1, ...STILL.slice(0, 25)]);
    scheduler.attend('a', { urgency: 2, isUneasy: true });
    expect(take(scheduler, STILL.slice(0, 20), 26)).not.toContain(undefined);
    scheduler.attend('a', CALM);
    expect(take(scheduler, STILL.slice(0, 19), 46)).toEqual(
      STILL.slice(0, 19).map(() => undefined),
    );
  });

  it('is as before where idle_fps is fps', () => {
    const scheduler = schedulerOf({ a: wish(10, { idleFps: 10 }) });
    expect(take(scheduler, STILL)).toEqual(STILL);
  });

  it('treats what nobody measured as movement', () => {
    const scheduler = schedulerOf({ a: wish(10) });
    expect(
      take(
        scheduler,
        STILL.map(() => 1),
      ),
    ).not.toContain(undefined);
  });
});
