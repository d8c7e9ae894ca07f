// Trackers and lines together: who walks across the picture is one object and crosses once.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyseScene, newScene, viewOf } from '../../src/analytics/scene.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import { DEFAULT_TRACKING } from '../../src/track/tracking-config.ts';
import { frameOf } from '../fakes/frames.ts';
import { between, lineOf, planOf } from './scene-fixture.ts';

const PLAN = planOf({ lines: { door: lineOf([0.5, 1], [0.5, 0]) } });
const HEIGHT = 0.2;
const ASPECT = 1280 / 720;

describe.each(['byte_track', 'oc_sort'] as const)('%s', (tracker) => {
  test('counts a walker or runner once, at any frame rate from 2, with jitter and weak frames', () => {
    const walk = fc.record({
      fps: fc.integer({ min: 2, max: 30 }),
      // Body heights per second: 0.8 is walking, 1.7 running.
      pace: between(0.2, 1.7),
      startsAt: between(0, 1),
      noise: fc.array(between(-1, 1), {
        minLength: 64,
        maxLength: 64,
      }),
    });
    fc.assert(
      fc.property(walk, ({ fps, pace, startsAt, noise }) => {
        const perFrame = (pace * HEIGHT) / ASPECT / fps;
        const it = createTracker({ ...DEFAULT_TRACKING, tracker }, { idFor: () => String(ids++) });
        let ids = 0;
        let scene = newScene();
        const crossings: unknown[] = [];
        const confirmed = new Set<string>();
        for (let i = 0; ; i++) {
          const x = 0.06 + startsAt * perFrame + i * perFrame;
          if (x > 0.94) break;
          const wobble = (k: number): number => noise[(i * 4 + k) % 64]! * 0.02 * HEIGHT;
          const score = 0.75 + 0.15 * noise[i % 64]!;
          const detections = [
            {
              box: [x - 0.025 + wobble(0), 0.5 + wobble(1), 0.05, HEIGHT + wobble(2)] as const,
              score,
              label: 'person',
            },
          ];
          const ms = (i * 1000) / fps;
          const frame = frameOf('a', i + 1, { ptsNs: ms * 1e6, captureMs: ms, arrivedMs: ms });
          const tracks = it.update(frame, detections);
          for (const track of tracks.tracks) if (track.trackId > 0) confirmed.add(track.id);
          const step = analyseScene(PLAN, scene, viewOf(tracks, ms));
          scene = step.state;
          crossings.push(...step.events.map((event) => event.data.direction));
        }
        expect(confirmed.size).toBe(1);
        expect(crossings).toEqual(['in']);
      }),
      { numRuns: 200 },
    );
  });
});
