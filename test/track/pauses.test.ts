// Tracks over time in which nobody looked: because nothing moved, or because they lay outside the inferred region.
import { describe, expect, test } from 'vitest';
import type { Detection } from '../../src/contracts/detection.ts';
import type { Frame } from '../../src/contracts/frame.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import { DEFAULT_TRACKING, type TrackerName } from '../../src/track/tracking-config.ts';
import { frameOf } from '../fakes/frames.ts';

const TRACKERS: readonly TrackerName[] = ['byte_track', 'oc_sort'];

function make(tracker: TrackerName) {
  let next = 0;
  return createTracker({ ...DEFAULT_TRACKING, tracker }, { idFor: () => `id-${++next}` });
}

function car(x: number): Detection {
  return { box: [x, 0.5, 0.1, 0.1], score: 0.9, label: 'car' };
}

function at(ms: number, overrides: Partial<Frame> = {}): Frame {
  return frameOf('a', ms / 200, { ptsNs: ms * 1e6, arrivedMs: ms, captureMs: ms, ...overrides });
}

describe.each(TRACKERS)('%s', (name) => {
  test('a parked car outlives hours of heartbeats, also when some of them miss it', () => {
    const it = make(name);
    for (let ms = 0; ms <= 2000; ms += 200) it.update(at(ms), [car(0.3)]);
    for (let beat = 1; beat <= 3600; beat++) {
      const detections = beat % 3 === 0 ? [] : [car(0.3)];
      const { tracks, ended } = it.update(at(2000 + beat * 2000, { stillMs: 1800 }), detections);
      expect(ended).toEqual([]);
      expect(tracks).toMatchObject([{ id: 'id-1' }]);
    }
  });

  test('without the word that nothing moved, the same gap ends the track', () => {
    const it = make(name);
    for (let ms = 0; ms <= 2000; ms += 200) it.update(at(ms), [car(0.3)]);
    expect(it.update(at(4000), [car(0.3)]).ended).toMatchObject([{ id: 'id-1' }]);
  });

  test('a car that leaves the picture between heartbeats ends when it is looked for', () => {
    const it = make(name);
    for (let ms = 0; ms <= 2000; ms += 200) it.update(at(ms), [car(0.3)]);
    it.update(at(4000, { stillMs: 1800 }), []);
    const ended: number[] = [];
    for (let ms = 4200; ms <= 7000; ms += 200) {
      if (it.update(at(ms), []).ended.length > 0) ended.push(ms);
    }
    expect(ended).toHaveLength(1);
    expect(ended[0]).toBeLessThanOrEqual(2000 + 1800 + 1500 + 400);
  });

  test('outside the inferred region a track is predicted, not missed', () => {
    const it = make(name);
    const place = (ms: number): number => 0.2 + ms * 0.00002;
    for (let ms = 0; ms <= 2000; ms += 200) it.update(at(ms), [car(place(ms)), car(0.7)]);
    for (let ms = 2200; ms <= 3000; ms += 200) {
      const { tracks } = it.update(at(ms), [car(0.7)], { region: [0.6, 0.4, 0.4, 0.4] });
      expect(tracks.map((track) => track.phase)).toEqual(['confirmed', 'confirmed']);
      expect(tracks[0]!.box[0]).toBeCloseTo(place(ms), 1);
    }
    const { tracks } = it.update(at(3200), [car(place(3200)), car(0.7)]);
    expect(tracks).toMatchObject([
      { id: 'id-1', phase: 'confirmed' },
      { id: 'id-2', phase: 'confirmed' },
    ]);
  });

  test('inside the region it is missed', () => {
    const it = make(name);
    for (let ms = 0; ms <= 2000; ms += 200) it.update(at(ms), [car(0.7)]);
    const { tracks } = it.update(at(2200), [], { region: [0.6, 0.4, 0.4, 0.4] });
    expect(tracks).toMatchObject([{ phase: 'lost' }]);
  });

  test('outside every region it is forgotten like any other', () => {
    const it = make(name);
    for (let ms = 0; ms <= 2000; ms += 200) it.update(at(ms), [car(0.7)]);
    const ended: string[] = [];
    for (let ms = 2200; ms <= 5000; ms += 200) {
      const result = it.update(at(ms), [], { region: [0, 0, 0.3, 0.3] });
      ended.push(...result.ended.map((track) => track.id));
    }
    expect(ended).toEqual(['id-1']);
  });
});
