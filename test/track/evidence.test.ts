// What speaks for an object over its whole life: when it is told of, told of again, and what continues it.
import { describe, expect, test } from 'vitest';
import type { Detection } from '../../src/contracts/detection.ts';
import type { Track, Tracker } from '../../src/contracts/track.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import {
  DEFAULT_TRACKING,
  type TrackerName,
  type TrackingConfig,
} from '../../src/track/tracking-config.ts';
import { frameOf } from '../fakes/frames.ts';

const TRACKERS: readonly TrackerName[] = ['byte_track', 'oc_sort'];

function car(x: number, score = 0.9, label = 'car'): Detection {
  return { box: [x, 0.4, 0.05, 0.2], score, label };
}

/** A tracker with its frames counted. */
class Film {
  private readonly tracker: Tracker;
  private readonly stepMs: number;
  private sequence = 0;

  constructor(name: TrackerName, stepMs = 40, overrides: Partial<TrackingConfig> = {}) {
    this.stepMs = stepMs;
    let next = 0;
    this.tracker = createTracker(
      { ...DEFAULT_TRACKING, ...overrides, tracker: name },
      { idFor: () => `id-${++next}` },
    );
  }

  see(...detections: Detection[]): readonly Track[] {
    return this.seeAt(++this.sequence * this.stepMs, ...detections);
  }

  seeAt(ms: number, ...detections: Detection[]): readonly Track[] {
    const frame = frameOf('a', this.sequence, { ptsNs: ms * 1e6, captureMs: ms, arrivedMs: ms });
    return this.tracker.update(frame, detections).tracks;
  }

  /** The same frame so many times; returns the last. */
  repeat(times: number, ...detections: Detection[]): readonly Track[] {
    let last: readonly Track[] = [];
    for (let i = 0; i < times; i++) last = this.see(...detections);
    return last;
  }
}

describe.each(TRACKERS)('%s', (name) => {
  /** How often of `times` a car is told of that is seen in every second frame, after `before` in a row. */
  function toldWhileFlickering(film: Film, before: number, times: number): number {
    film.repeat(before, car(0.5));
    let told = 0;
    for (let i = 0; i < times; i++) {
      film.see();
      if (film.see(car(0.5))[0]!.phase === 'confirmed') told += 1;
    }
    return told;
  }

  test('who was seen for long can afford many gaps, but not any number', () => {
    expect(toldWhileFlickering(new Film(name), 60, 15)).toBe(15);
    const film = new Film(name);
    expect(toldWhileFlickering(film, 2000, 100)).toBeLessThan(60);
    expect(toldWhileFlickering(film, 0, 10)).toBe(0);
  });

  test('however much it flickered, two sure detections in a row tell of it again', () => {
    const film = new Film(name);
    toldWhileFlickering(film, 4, 30);
    expect(film.see(car(0.5))).toMatchObject([{ id: 'id-1', phase: 'confirmed' }]);
  });

  test('doubtful detections tell of it after 0.35 s without a miss, and again 0.2 s after a gap', () => {
    const film = new Film(name);
    film.see(car(0.5, 0.6));
    expect(film.repeat(8, car(0.5, 0.52))).toMatchObject([{ phase: 'tentative' }]);
    expect(film.see(car(0.5, 0.52))).toMatchObject([{ phase: 'confirmed' }]);
    film.repeat(3);
    expect(film.repeat(5, car(0.5, 0.52))).toMatchObject([{ id: 'id-1', phase: 'lost' }]);
    expect(film.see(car(0.5, 0.52))).toMatchObject([{ id: 'id-1', phase: 'confirmed' }]);
  });

  test('a weak detection continues what was missed for less than half a second', () => {
    for (const [missed, score] of [
      [8, 0.4],
      [14, 0.9],
    ] as const) {
      const film = new Film(name);
      film.repeat(20, car(0.5));
      film.repeat(missed);
      expect(film.see(car(0.5, 0.4))).toMatchObject([{ id: 'id-1', score }]);
    }
  });

  test('a weak detection of another label continues nothing', () => {
    const film = new Film(name);
    film.repeat(20, car(0.5));
    expect(film.see(car(0.5, 0.4, 'truck'))).toMatchObject([{ phase: 'lost', score: 0.9 }]);
  });

  test('a weak detection must lie on the track by half, a strong one need not', () => {
    for (const [score, phase] of [
      [0.49, 'lost'],
      [0.9, 'confirmed'],
    ] as const) {
      const film = new Film(name);
      film.repeat(20, car(0.5));
      expect(film.see(car(0.52, score))).toMatchObject([{ id: 'id-1', phase }]);
    }
  });

  test('a sure detection a little aside is preferred to a doubtful one', () => {
    const film = new Film(name);
    film.repeat(20, car(0.5));
    expect(film.see(car(0.5, 0.55), car(0.505))[0]).toMatchObject({ id: 'id-1', score: 0.9 });
  });

  test('of two that overlap alike it is the one of its own height', () => {
    const film = new Film(name);
    film.repeat(20, car(0.5));
    const taller: Detection = { ...car(0.5), box: [0.5, 0.375, 0.05, 0.25] };
    const [track] = film.see(taller, car(0.506));
    expect(track).toMatchObject({ id: 'id-1', box: [0.506, 0.4, 0.05, 0.2] });
  });

  test('beyond overlap it is found within reach at its own size only', () => {
    for (const [grown, id] of [
      [1.2, 'id-1'],
      [1.6, 'id-2'],
    ] as const) {
      const film = new Film(name, 200);
      film.repeat(10, car(0.5));
      const height = 0.2 * grown;
      const beside: Detection = {
        ...car(0.542, 0.65),
        box: [0.542, 0.5 - height / 2, 0.05, height],
      };
      const seen = film.see(beside).filter((track) => track.score === 0.65);
      expect(seen).toMatchObject([{ id }]);
    }
  });

  test('who is lost is not found in somebody who appears beside the place', () => {
    const film = new Film(name);
    film.repeat(20, car(0.5));
    film.repeat(10);
    expect(film.see(car(0.593)).map(({ id, phase }) => [id, phase])).toEqual([
      ['id-1', 'lost'],
      ['id-2', 'tentative'],
    ]);
  });

  test('two frames may be missed however slow the camera, and a little late', () => {
    const film = new Film(name, 1000);
    film.repeat(10, car(0.5));
    film.seeAt(11_080);
    film.seeAt(12_160);
    expect(film.seeAt(13_160, car(0.5))).toMatchObject([{ id: 'id-1' }]);
  });

  test('another label continues a track only right on it', () => {
    const film = new Film(name);
    film.repeat(20, car(0.5));
    const ids = film.see(car(0.515, 0.9, 'truck')).map((track) => track.id);
    expect(ids).toEqual(['id-1', 'id-2']);
  });

  test('the top score is that of the best look so far', () => {
    const film = new Film(name);
    film.repeat(3, car(0.5, 0.95));
    expect(film.see(car(0.5, 0.7))).toMatchObject([{ score: 0.7, topScore: 0.95 }]);
  });

  test('who is sure at the first look is shown at once, and confirmed as anybody else', () => {
    const film = new Film(name);
    expect(film.see(car(0.3, 0.91), car(0.5, 0.89))).toMatchObject([
      { trackId: 0, phase: 'tentative', isSure: true },
      { trackId: 0, phase: 'tentative', isSure: false },
    ]);
    expect(film.see(car(0.3, 0.7), car(0.5, 0.98))).toMatchObject([
      { trackId: 0, phase: 'tentative', isSure: true },
      { trackId: 0, phase: 'tentative', isSure: false },
    ]);
    expect(film.see(car(0.5, 0.98))).toMatchObject([
      { id: 'id-2', trackId: 1, phase: 'confirmed' },
    ]);
  });

  test('later it takes more certainty, at the first detection or the next', () => {
    const film = new Film(name);
    film.see();
    expect(film.see(car(0.3, 0.985), car(0.5, 0.995), car(0.7, 0.6))).toMatchObject([
      { phase: 'tentative', isSure: false },
      { phase: 'tentative', isSure: true },
      { phase: 'tentative', isSure: false },
    ]);
    const [, , third] = film.see(car(0.3, 0.98), car(0.5, 0.98), car(0.7, 0.995));
    expect(third).toMatchObject({ phase: 'tentative', isSure: true });
  });

  test('how sure a detection is depends on high_score', () => {
    const film = new Film(name, 40, { high_score: 0.8 });
    expect(film.see(car(0.3, 0.95), car(0.5, 0.97))).toMatchObject([
      { isSure: false },
      { isSure: true },
    ]);
    expect(film.see(car(0.1, 0.995), car(0.8, 0.997))).toMatchObject([
      { isSure: false },
      { isSure: true },
    ]);
  });

  test('after a gap in which everybody was forgotten it is a first look again', () => {
    for (const [afterMs, isSure] of [
      [1400, false],
      [1600, true],
    ] as const) {
      const film = new Film(name);
      film.repeat(10);
      expect(film.seeAt(400 + afterMs, car(0.5, 0.95))).toMatchObject([{ isSure }]);
    }
  });

  test('a second box on an object is no object, one beside it is', () => {
    const film = new Film(name);
    film.repeat(5, car(0.5));
    expect(film.repeat(5, car(0.5), car(0.502))).toHaveLength(1);
    expect(film.repeat(5, car(0.5), car(0.52))).toHaveLength(2);
  });
});

test('who comes where a walker was seen last is somebody else', () => {
  const film = new Film('byte_track');
  for (let i = 0; i <= 20; i++) film.see(car(0.3 + i * 0.01));
  film.repeat(8);
  expect(film.see(car(0.5)).map((track) => track.id)).toEqual(['id-1', 'id-2']);
});

test('byte_track holds who was seen once to more overlap than whom it knows', () => {
  for (const [before, id] of [
    [1, 'id-2'],
    [5, 'id-1'],
  ] as const) {
    const film = new Film('byte_track');
    film.repeat(before, car(0.5));
    expect(film.see(car(0.528)).map((track) => track.id)).toEqual([id]);
  }
});

test('a strong detection at a third of a width is preferred to a weak one right there', () => {
  const film = new Film('byte_track');
  film.repeat(20, car(0.5));
  const [track] = film.see(car(0.515), car(0.5, 0.49));
  expect(track).toMatchObject({ id: 'id-1', score: 0.9 });
});
