// Things left behind and taken away: by tracks, and by boxes in which the background changed.
import { describe, expect, test } from 'vitest';
import type { Box } from '../../src/contracts/geometry.ts';
import type { Track } from '../../src/contracts/track.ts';
import { planOf, play, SQUARE, type Step, trackAt, zoneOf } from './scene-fixture.ts';

const PLAN = planOf({ zones: { hall: zoneOf(SQUARE, { left_s: 5 }) } });
const BAG = trackAt(0.5, 0.5, { id: 'bag', label: 'suitcase' });
/** Where the bag stands, as the background sees it. */
const PLACE: Box = [0.47, 0.4, 0.06, 0.1];

interface Moment {
  readonly tracks?: readonly Track[];
  readonly changes?: readonly Box[];
  readonly kind?: 'came' | 'went';
}

/** What was told of things, with its time in seconds. */
function told(seconds: number, moment: (s: number) => Moment, fps = 10): unknown[] {
  const steps: Step[] = Array.from({ length: seconds * fps }, (_, i) => {
    const { tracks = [], changes = [], kind } = moment(i / fps);
    const seen = changes.map((box) => ({ box, ageMs: 10_000, ...(kind && { kind }) }));
    return { atMs: (i * 1000) / fps, tracks, changes: seen };
  });
  return play(PLAN, steps)
    .events.filter((event) => event.type.startsWith('object_'))
    .map(({ type, timeMs, objectId, data }) => [type, timeMs / 1000, objectId ?? data.was]);
}

describe('a tracked bag', () => {
  const owner = (x: number): Track => trackAt(x, 0.5, { id: 'owner' });

  test('is left behind when it stands alone, not with its owner beside it', () => {
    expect(told(10, () => ({ tracks: [BAG, owner(0.52)] }))).toEqual([]);
    expect(told(10, () => ({ tracks: [BAG, owner(0.9)] }))).toEqual([['object_left', 5.1, 'bag']]);
    expect(told(10, () => ({ tracks: [{ ...BAG, label: 'car' }] }))).toEqual([]);
  });

  test('is told once, whoever passes by; and not before it was alone for the whole time', () => {
    const passing = (from: number, s: number): readonly Track[] =>
      s >= from && s < from + 1 ? [BAG, owner(0.52)] : [BAG];
    expect(told(20, (s) => ({ tracks: passing(8, s) }))).toEqual([['object_left', 5.1, 'bag']]);
    expect(told(20, (s) => ({ tracks: passing(3, s) }))).toEqual([['object_left', 9, 'bag']]);
  });
});

describe('the background', () => {
  const wobbling = (s: number): Box => [PLACE[0] + 0.004 * Math.sin(7 * s), 0.4, 0.06, 0.1];

  test('tells of a thing that no label names, once, though its box wobbles and is missing at times', () => {
    const seen = (s: number): readonly Box[] => (Math.floor(s * 10) % 4 === 3 ? [] : [wobbling(s)]);
    expect(told(20, (s) => ({ changes: seen(s) }))).toEqual([['object_left', 5, undefined]]);
  });

  test('tells apart several things, and what comes to a place again after it was free', () => {
    const other: Box = [0.6, 0.5, 0.06, 0.1];
    expect(told(8, (s) => ({ changes: s < 1 ? [PLACE] : [other, PLACE] }))).toEqual([
      ['object_left', 5, undefined],
      ['object_left', 6, undefined],
    ]);
    expect(told(20, (s) => ({ changes: s > 7 && s < 11 ? [] : [PLACE] }))).toEqual([
      ['object_left', 5, undefined],
      ['object_left', 16, undefined],
    ]);
  });

  test('is followed from heartbeat to heartbeat while nothing moves', () => {
    expect(told(60, (s) => ({ changes: s < 4 ? [] : [wobbling(s)] }), 0.25)).toEqual([
      ['object_left', 12, undefined],
    ]);
  });

  test('tells what is gone though no track ever stood there, and what came where a car had stood', () => {
    expect(told(20, () => ({ changes: [PLACE], kind: 'went' }))).toEqual([
      ['object_removed', 5, undefined],
    ]);
    const parked = trackAt(0.5, 0.5, { id: 'parked', label: 'car' });
    const bagLater = (s: number): Moment =>
      s < 10 ? { tracks: [parked] } : { changes: s < 20 ? [] : [PLACE], kind: 'came' };
    expect(told(40, bagLater)).toEqual([['object_left', 25, undefined]]);
  });

  test('waits while somebody stands there, and says nothing outside the zone', () => {
    const person = trackAt(0.5, 0.52, { id: 'somebody' });
    expect(told(12, (s) => ({ changes: [PLACE], tracks: s < 4 ? [person] : [] }))).toEqual([
      ['object_left', 9, undefined],
    ]);
    expect(told(12, () => ({ changes: [[0.8, 0.8, 0.1, 0.1]] }))).toEqual([]);
  });

  test('tells what was removed when a bag stood there before', () => {
    const moment = (s: number): Moment => (s < 20 ? { tracks: [BAG] } : { changes: [PLACE] });
    expect(told(40, moment)).toEqual([
      ['object_left', 5.1, 'bag'],
      ['object_removed', 25, 'suitcase'],
    ]);
  });

  test('says nothing of the trace that a parked car or a waiting person leaves', () => {
    for (const label of ['car', 'person']) {
      const parked = trackAt(0.5, 0.5, { id: 'parked', label });
      const away = trackAt(0.1, 0.5, { id: 'parked', label });
      const left = (s: number): Moment => ({
        tracks: [s < 10 ? parked : away],
        changes: s < 10 ? [] : [PLACE],
      });
      expect(told(30, left)).toEqual([]);
    }
  });
});
