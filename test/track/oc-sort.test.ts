// What OC-SORT adds, and what both trackers make of camera motion and appearance.
import { describe, expect, test } from 'vitest';
import type { Detection } from '../../src/contracts/detection.ts';
import type { Affine } from '../../src/contracts/geometry.ts';
import type { Tracker } from '../../src/contracts/track.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import {
  DEFAULT_TRACKING,
  type TrackerName,
  type TrackingConfig,
} from '../../src/track/tracking-config.ts';
import { frameOf } from '../fakes/frames.ts';

const TRACKERS: readonly TrackerName[] = ['byte_track', 'oc_sort'];

function make(tracker: TrackerName, overrides: Partial<TrackingConfig> = {}): Tracker {
  let next = 0;
  return createTracker(
    { ...DEFAULT_TRACKING, tracker, ...overrides },
    { idFor: () => `id-${++next}` },
  );
}

function person(x: number, y = 0.4, extra: Partial<Detection> = {}): Detection {
  return { box: [x, y, 0.05, 0.2], score: 0.9, label: 'person', ...extra };
}

/** The id of the track whose box begins at `x`. */
function idAt(tracks: readonly { id: string; box: readonly number[] }[], x: number): string {
  return tracks.find((track) => Math.abs(track.box[0]! - x) < 1e-9)!.id;
}

describe('oc_sort', () => {
  test('an object that stopped behind a pillar is found where it was last seen', () => {
    const it = make('oc_sort');
    for (let i = 1; i <= 20; i++) it.update(frameOf('a', i), [person(0.1 + i * 0.006)]);
    for (let i = 21; i <= 40; i++) it.update(frameOf('a', i), []);
    const back = it.update(frameOf('a', 41), [person(0.225)]);
    expect(back.tracks).toMatchObject([{ id: 'id-1', phase: 'confirmed' }]);
  });

  test('after a gap the filter knows the way that was really taken', () => {
    const it = make('oc_sort');
    for (let i = 1; i <= 20; i++) it.update(frameOf('a', i), [person(0.3 + i * 0.004)]);
    for (let i = 21; i <= 50; i++) it.update(frameOf('a', i), []);
    const [track] = it.update(frameOf('a', 51), [person(0.4)]).tracks;
    expect(track!.id).toBe('id-1');
    const wayPerS = 0.02 / (31 * 0.04);
    expect(Math.abs(track!.velocity[0] - wayPerS)).toBeLessThan(0.005);
  });
});

describe('momentum', () => {
  /** Where the one of two detections begins that continues the track of somebody who walks to the right. */
  function chosen(inertia: number, near: Detection, far: Detection): number {
    const it = make('oc_sort', { inertia });
    for (let i = 1; i <= 20; i++) it.update(frameOf('a', i), [person(0.4 + i * 0.005)]);
    const { tracks } = it.update(frameOf('a', 21), [near, far]);
    return tracks.find((track) => track.id === 'id-1')!.box[0];
  }

  test('among rivals who walks goes on straight, though somebody is nearer to the side', () => {
    const aside = person(0.5, 0.43);
    const ahead = person(0.5175);
    expect(chosen(0, aside, ahead)).toBe(0.5);
    expect(chosen(DEFAULT_TRACKING.inertia, aside, ahead)).toBe(0.5175);
  });

  test('who turns back is found though direction counts most', () => {
    const it = make('oc_sort', { inertia: 2 });
    for (let i = 1; i <= 20; i++) it.update(frameOf('a', i), [person(0.4 + i * 0.005)]);
    const { tracks } = it.update(frameOf('a', 21), [person(0.479)]);
    expect(tracks.map((track) => track.id)).toEqual(['id-1']);
  });

  test('who stands has no direction, however detections jitter', () => {
    const it = make('oc_sort');
    for (let i = 1; i <= 20; i++) it.update(frameOf('a', i), [person(i === 20 ? 0.501 : 0.5)]);
    const { tracks } = it.update(frameOf('a', 21), [person(0.488), person(0.5145)]);
    expect(idAt(tracks, 0.488)).toBe('id-1');
  });
});

describe.each(TRACKERS)('%s', (name) => {
  test('a sure pair is not given up for two that are mediocre', () => {
    const it = make(name);
    for (let i = 1; i <= 20; i++) it.update(frameOf('a', i), [person(0.5), person(0.52)]);
    const { tracks } = it.update(frameOf('a', 21), [person(0.5), person(0.4825)]);
    expect(idAt(tracks, 0.5)).toBe('id-1');
    expect(idAt(tracks, 0.4825)).toBe('id-3');
  });

  test('two people who pass each other keep their identities', () => {
    const it = make(name);
    let last = it.update(frameOf('a', 1), []);
    const left = (i: number): number => 0.2 + i * 0.004;
    const right = (i: number): number => 0.6 - i * 0.004;
    const ids: string[] = [];
    for (let i = 1; i <= 90; i++) {
      last = it.update(frameOf('a', i + 1), [person(left(i)), person(right(i), 0.43)]);
      if (i === 5) ids.push(idAt(last.tracks, left(i)), idAt(last.tracks, right(i)));
    }
    expect([idAt(last.tracks, left(90)), idAt(last.tracks, right(90))]).toEqual(ids);
  });

  test('a camera that pans loses nobody when its motion is given, and somebody when not', () => {
    const run = (isGiven: boolean): number => {
      const it = make(name);
      const ids = new Set<string>();
      for (let i = 1; i <= 60; i++) {
        const shift = i > 20 && i % 2 === 0 ? -0.06 : i > 20 ? 0.06 : 0;
        const offset = i > 20 && i % 2 === 0 ? -0.06 : 0;
        const motion: Affine = [1, 0, i === 21 ? 0 : shift, 0, 1, 0];
        const result = it.update(
          frameOf('a', i),
          [person(0.5 + offset)],
          isGiven ? { cameraMotion: motion } : {},
        );
        for (const track of result.tracks) ids.add(track.id);
      }
      return ids.size;
    };
    expect(run(true)).toBe(1);
    expect(run(false)).toBeGreaterThan(1);
  });

  test('appearance tells apart what overlap cannot', () => {
    const red = Float32Array.of(1, 0);
    const blue = Float32Array.of(0, 1);
    const run = (withAppearance: boolean): boolean => {
      const it = make(name, { appearance: 0.5 });
      const look = (embedding: Float32Array): Partial<Detection> =>
        withAppearance ? { embedding } : {};
      for (let i = 1; i <= 10; i++) {
        it.update(frameOf('a', i), [person(0.5, 0.4, look(red)), person(0.53, 0.4, look(blue))]);
      }
      const swapped = [person(0.51, 0.4, look(blue)), person(0.52, 0.4, look(red))];
      const result = it.update(frameOf('a', 11), swapped);
      return idAt(result.tracks, 0.52) === 'id-1';
    };
    expect(run(false)).toBe(false);
    expect(run(true)).toBe(true);
  });
});
