// What must hold over months: identities, ends, votes; with gaps, restarts, pauses and any frame rate.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Detection } from '../../src/contracts/detection.ts';
import type { Tracker } from '../../src/contracts/track.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import {
  DEFAULT_TRACKING,
  type TrackerName,
  type TrackingConfig,
} from '../../src/track/tracking-config.ts';
import { frameOf } from '../fakes/frames.ts';

const TRACKERS: readonly TrackerName[] = ['byte_track', 'oc_sort'];

function make(tracker: TrackerName, settings: Partial<TrackingConfig> = {}): Tracker {
  let next = 0;
  return createTracker(
    { ...DEFAULT_TRACKING, ...settings, tracker },
    { idFor: () => `id-${++next}` },
  );
}

const step = fc.record({
  stepMs: fc.constantFrom(33, 100, 200, 500, 900, 2000, 5000),
  isStill: fc.boolean(),
  isRestart: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
  isRegion: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  seen: fc.array(fc.constantFrom(0, 1, 2, 3), { maxLength: 4 }),
  score: fc.double({ min: 0.05, max: 1, noNaN: true }),
});

/** Four places that do not touch each other. */
function objectAt(place: number, score: number): Detection {
  return { box: [0.05 + place * 0.25, 0.4, 0.1, 0.2], score, label: 'person' };
}

describe.each(TRACKERS)('%s', (name) => {
  test('every confirmed track ends exactly once, and no id or number comes back', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const it = make(name);
        const live = new Map<string, number>();
        const gone = new Set<string>();
        const end = (id: string): void => {
          expect(live.delete(id)).toBe(true);
          gone.add(id);
        };
        let [ms, session, highest] = [0, 0, 0];
        steps.forEach((one, i) => {
          ms += one.stepMs;
          if (one.isRestart) {
            session += 1;
            highest = 0;
          }
          const frame = frameOf('a', i + 1, {
            session: `s${session}`,
            ptsNs: ms * 1e6,
            arrivedMs: ms,
            ...(one.isStill ? { stillMs: one.stepMs - 33 } : {}),
          });
          const detections = [...new Set(one.seen)].map((place) => objectAt(place, one.score));
          const view = one.isRegion ? { region: [0, 0, 0.5, 1] as const } : {};
          const { tracks, ended } = it.update(frame, detections, view);
          for (const track of ended) end(track.id);
          for (const { id, trackId } of tracks) {
            expect(gone.has(id)).toBe(false);
            if (trackId === 0) continue;
            expect(live.get(id) ?? trackId).toBe(trackId);
            if (!live.has(id)) expect(trackId).toBe(++highest);
            live.set(id, trackId);
          }
          expect(tracks.filter((track) => track.trackId > 0)).toHaveLength(live.size);
        });
        for (const track of it.finish()) end(track.id);
        expect(live.size).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('a walker keeps one id from 2 to 30 frames/s, with every third frame missing', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.boolean(), (fps, isLossy) => {
        const it = make(name);
        const ids = new Set<string>();
        for (let i = 0; i < 20 * fps; i++) {
          const seconds = i / fps;
          if (isLossy && seconds > 2 && i % 3 === 0) continue;
          const frame = frameOf('a', i + 1, { ptsNs: seconds * 1e9, arrivedMs: seconds * 1000 });
          const walker: Detection = {
            box: [0.05 + seconds * 0.04, 0.4, 0.05, 0.2],
            score: 0.8,
            label: 'person',
          };
          for (const track of it.update(frame, [walker]).tracks) ids.add(track.id);
        }
        expect([...ids]).toEqual(['id-1']);
      }),
      { numRuns: 30 },
    );
  });

  test('the label told is the one with the greatest sum of scores', () => {
    const look = fc.record({
      label: fc.constantFrom('car', 'truck', 'bus'),
      score: fc.double({ min: 0.61, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(look, { minLength: 1, maxLength: 40 }), (looks) => {
        const it = make(name);
        const sums = new Map<string, number>();
        looks.forEach(({ label, score }, i) => {
          sums.set(label, (sums.get(label) ?? 0) + score);
          const { tracks } = it.update(frameOf('a', i + 1), [
            { box: [0.4, 0.4, 0.2, 0.2], score, label },
          ]);
          expect(tracks).toHaveLength(1);
          expect(sums.get(tracks[0]!.label)).toBe(Math.max(...sums.values()));
        });
      }),
      { numRuns: 60 },
    );
  });

  test('doubtful detections are told later than sure ones, and at last all the same', () => {
    const firstTold = (score: number): number => {
      const it = make(name, { confirm_s: 0.5 });
      for (let i = 1; i <= 30; i++) {
        if (it.update(frameOf('a', i), [objectAt(0, score)]).tracks[0]!.trackId > 0) return i;
      }
      return Number.POSITIVE_INFINITY;
    };
    expect([0.95, 0.8, 0.7, 0.61].map(firstTold)).toEqual([2, 3, 4, 8]);
    expect(firstTold(0.6)).toBeLessThanOrEqual(14);
  });
});
