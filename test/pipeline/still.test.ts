// Cameras on which little happens, through scheduler and trackers: few inferences, every object.
import { describe, expect, it } from 'vitest';
import { play, recall, stretched } from '../../bench/schedule/recordings.ts';
import type { Detection, FrameDetections } from '../../src/contracts/detection.ts';
import { frameOf } from '../fakes/frames.ts';

const FPS = 10;
const CAR: Detection = { box: [0.1, 0.7, 0.2, 0.2], score: 0.8, label: 'car' };

/** 140 s: a parked car all the time, which the detector misses now and then; two people walk through from 62 s on. */
function street(): FrameDetections[] {
  return Array.from({ length: 140 * FPS }, (_, i) => {
    const ms = (i * 1000) / FPS;
    const people = [62_000, 72_000]
      .filter((fromMs) => ms >= fromMs && ms < fromMs + 6000)
      .map((fromMs): Detection => {
        const x = ((ms - fromMs) / 6000) * 0.9;
        return { box: [x, 0.3, 0.05, 0.2], score: 0.9, label: 'person' };
      });
    const frame = frameOf('street', i + 1, {
      ptsNs: ms * 1e6,
      arrivedMs: ms,
      motion: people.length > 0 ? 0.01 : 0,
    });
    return { frame, detections: [...people, ...(i % 7 === 0 ? [] : [CAR])], inferredMs: ms };
  });
}

describe('a quiet street', () => {
  const cameras = stretched([street()], 4, 15);
  const wish = { fps: 5, minFps: 1, priority: 1 };
  const every = play(cameras, () => ({ ...wish, idleFps: 5 }), 10);
  const some = play(cameras, () => ({ ...wish, idleFps: 0.25 }), 10);

  it('takes less than a tenth of the inferences', () => {
    expect(every.inferred).toBeGreaterThan(4 * 15 * 60 * 5 * 0.98);
    expect(some.inferred / every.inferred).toBeLessThan(0.1);
  });

  it('shows the same objects: the parked cars as one each, and every person at the same time', () => {
    expect(every.objects).toHaveLength(12);
    expect(some.objects.filter(({ label }) => label === 'car')).toHaveLength(4);
    const people = every.objects.filter(({ label }) => label === 'person');
    const { found, laterMs } = recall(people, some.objects, 1000);
    expect(found).toBe(8);
    expect(laterMs.at(-1)).toBeLessThanOrEqual(200);
  });
});
