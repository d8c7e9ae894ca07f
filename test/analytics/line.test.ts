// Counting at lines: once per crossing, never for wobbling, the same in every orientation.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { total } from '../../src/analytics/counters.ts';
import { newScene } from '../../src/analytics/scene.ts';
import type { Point } from '../../src/contracts/geometry.ts';
import {
  between,
  lineOf,
  ofType,
  planOf,
  play,
  type Step,
  trackAt,
  walk,
} from './scene-fixture.ts';

const UPRIGHT = lineOf([0.5, 0.9], [0.5, 0.1]);
const PLAN = planOf({ lines: { door: UPRIGHT } });

function directions(steps: readonly Step[], plan = PLAN, aspect = 1): unknown[] {
  const { events } = play(plan, steps, newScene(), aspect);
  return ofType(events, 'line_cross').map((event) => event.data.direction);
}

function steps(points: readonly Point[], everyMs = 100): Step[] {
  return points.map(([x, y], i) => ({ atMs: i * everyMs, tracks: [trackAt(x, y)] }));
}

describe('crossing', () => {
  test('is told with its direction, seen from the first point towards the second', () => {
    const across = walk((s) => [0.2 + 0.3 * s, 0.5], 10, 2);
    const back = walk((s) => [0.8 - 0.3 * s, 0.5], 10, 2);
    expect(directions(across)).toEqual(['in']);
    expect(directions(back)).toEqual(['out']);
  });

  test('happens between two frames far apart', () => {
    expect(
      directions(
        steps([
          [0.1, 0.5],
          [0.95, 0.5],
        ]),
      ),
    ).toEqual(['in']);
  });

  test('exactly over an end point counts, beyond it does not', () => {
    expect(
      directions(
        steps([
          [0.2, 0.9],
          [0.5, 0.9],
          [0.8, 0.9],
        ]),
      ),
    ).toEqual(['in']);
    expect(
      directions(
        steps([
          [0.2, 0.1],
          [0.8, 0.1],
        ]),
      ),
    ).toEqual(['in']);
    expect(
      directions(
        steps([
          [0.2, 0.91],
          [0.8, 0.91],
        ]),
      ),
    ).toEqual([]);
  });

  test('a point exactly on the line belongs to the side it came from', () => {
    expect(
      directions(
        steps([
          [0.2, 0.5],
          [0.5, 0.5],
          [0.5, 0.5],
          [0.2, 0.5],
        ]),
      ),
    ).toEqual([]);
    expect(
      directions(
        steps([
          [0.2, 0.5],
          [0.5, 0.5],
          [0.8, 0.5],
        ]),
      ),
    ).toEqual(['in']);
    expect(
      directions(
        steps([
          [0.5, 0.5],
          [0.8, 0.5],
        ]),
      ),
    ).toEqual([]);
  });

  test('again and again by the same object counts again and again', () => {
    const there = [0.2, 0.8, 0.2, 0.8, 0.2].map((x): Point => [x, 0.5]);
    expect(directions(steps(there))).toEqual(['in', 'out', 'in', 'out']);
  });

  test('through the line and back around its end is one crossing, then none', () => {
    const around: Point[] = [
      [0.2, 0.5],
      [0.8, 0.5],
      [0.8, 0.97],
      [0.2, 0.97],
      [0.2, 0.5],
      [0.8, 0.5],
    ];
    expect(directions(steps(around))).toEqual(['in', 'in']);
  });

  test('is not told before the debounce time, nor when the object turns back within it', () => {
    const plan = planOf({ lines: { door: { ...UPRIGHT, debounce_s: 1 } } });
    const at = (x: number): Point => [x, 0.5];
    expect(directions(steps([at(0.2), at(0.8), at(0.2), at(0.2)], 400), plan)).toEqual([]);
    expect(directions(steps([at(0.2), at(0.8), at(0.8), at(0.8), at(0.8)], 400), plan)).toEqual([
      'in',
    ]);
  });

  test('that waits for its debounce time counts when the track ends beyond the line, once', () => {
    const plan = planOf({ lines: { door: { ...UPRIGHT, debounce_s: 2, allowed: 'out' } } });
    const there = steps([
      [0.2, 0.5],
      [0.8, 0.5],
      [0.85, 0.5],
    ]);
    const gone: Step = { atMs: 400, tracks: [] };
    const { events } = play(plan, [...there, gone, { ...gone, atMs: 500 }]);
    expect(events.map(({ type, timeMs, objectId }) => [type, timeMs, objectId])).toEqual([
      ['line_cross', 400, 'one'],
      ['wrong_way', 400, 'one'],
    ]);
    const lost: Step = { atMs: 350, tracks: [trackAt(0.85, 0.5, { phase: 'lost' })] };
    expect(directions([...there, lost], plan)).toEqual([]);
    expect(directions([...there, lost, gone], plan)).toEqual(['in']);
    const back = steps([
      [0.2, 0.5],
      [0.8, 0.5],
      [0.495, 0.5],
    ]);
    expect(directions([...back, gone], plan)).toEqual([]);
  });

  test('is not told of objects that an edit moves the line across, and is of those that cross it then', () => {
    const elsewhere = planOf({ lines: { door: lineOf([0.7, 0.9], [0.7, 0.1]) } });
    const path = steps([
      [0.2, 0.5],
      [0.6, 0.5],
      [0.6, 0.5],
      [0.8, 0.5],
    ]);
    const edited = path.map((step, i) => ({ ...step, plan: i < 2 ? PLAN : elsewhere }));
    expect(directions(edited)).toEqual(['in', 'in']);
    const onto = path.slice(0, 3).map((step, i) => ({ ...step, plan: i < 2 ? elsewhere : PLAN }));
    expect(directions(onto)).toEqual([]);
    // Not clear of the old line, and so remembered; clear of the new one, on its other side.
    const near = steps([
      [0.2, 0.5],
      [0.495, 0.5],
      [0.495, 0.5],
    ]);
    const before = planOf({ lines: { door: lineOf([0.4, 0.9], [0.4, 0.1]) } });
    expect(directions(near.map((step, i) => ({ ...step, plan: i < 2 ? PLAN : before })))).toEqual(
      [],
    );
  });

  test('counts with the edit of anything else about the line', () => {
    const { points } = structuredClone(UPRIGHT);
    const renamed = planOf({
      lines: { door: { ...UPRIGHT, points, to_right: 'east', margin: 0.2 } },
    });
    const path = steps([
      [0.49, 0.5],
      [0.505, 0.5],
      [0.6, 0.5],
    ]);
    expect(directions(path.map((step, i) => ({ ...step, plan: i < 2 ? PLAN : renamed })))).toEqual([
      'east',
    ]);
  });

  test('while lost does not count, and counts once when the object is seen on the other side', () => {
    const lost = { phase: 'lost' } as const;
    const path: Step[] = [
      { atMs: 0, tracks: [trackAt(0.4, 0.5)] },
      { atMs: 100, tracks: [trackAt(0.6, 0.5, lost)] },
      { atMs: 200, tracks: [trackAt(0.7, 0.5, lost)] },
    ];
    expect(directions(path)).toEqual([]);
    expect(directions([...path, { atMs: 300, tracks: [trackAt(0.8, 0.5)] }])).toEqual(['in']);
  });

  test('of other labels and sizes than asked for does not count', () => {
    const plan = planOf({ lines: { door: { ...UPRIGHT, labels: ['car'], max_area: 0.1 } } });
    const across = (label: string) => walk((s) => [0.2 + 0.3 * s, 0.5], 10, 2, { label });
    expect(directions(across('person'), plan)).toEqual([]);
    expect(directions(across('car'), plan)).toEqual(['in']);
    const small = planOf({ lines: { door: { ...UPRIGHT, max_area: 0.001 } } });
    expect(directions(across('car'), small)).toEqual([]);
    const sure = planOf({ lines: { door: { ...UPRIGHT, min_score: 0.95 } } });
    expect(directions(across('car'), sure)).toEqual([]);
  });

  test('against the allowed direction is wrong_way; close behind another is tailgating', () => {
    const line = { ...UPRIGHT, allowed: 'in', tailgating_s: 1 };
    const plan = planOf({ lines: { door: line } });
    const second = { id: 'two' };
    const both: Step[] = Array.from({ length: 30 }, (_, i) => ({
      atMs: i * 100,
      tracks: [trackAt(0.2 + i * 0.02, 0.5), trackAt(0.12 + i * 0.02, 0.5, second)],
    }));
    const { events } = play(plan, both);
    expect(events.map((event) => [event.type, event.objectId])).toEqual([
      ['line_cross', 'one'],
      ['line_cross', 'two'],
      ['tailgating', 'two'],
    ]);
    const around: Point[] = [
      [0.2, 0.5],
      [0.8, 0.5],
      [0.8, 0.95],
      [0.2, 0.95],
      [0.2, 0.5],
      [0.8, 0.5],
    ];
    const alone = play(plan, steps(around)).events;
    expect(alone.map((event) => event.type)).toEqual(['line_cross', 'line_cross']);
    const back = play(
      plan,
      walk((s) => [0.8 - 0.3 * s, 0.5], 10, 2),
    );
    expect(back.events.map((event) => event.type)).toEqual(['line_cross', 'wrong_way']);
  });
});

/** Index of the first step that is clearly on the other side of UPRIGHT than the first one. */
function firstBeyond(path: readonly Step[]): number {
  const offset = ({ tracks: [track] }: Step): number => track!.box[0] + track!.box[2] / 2 - 0.5;
  const from = Math.sign(offset(path[0]!));
  return path.findIndex((step) => offset(step) * from < -0.0101);
}

describe('properties', () => {
  test('what appears beside the line and wobbles by less than both margins does not count', () => {
    expect(
      directions(
        steps([
          [0.5005, 0.5],
          [0.4815, 0.5],
          [0.5005, 0.5],
          [0.4815, 0.5],
        ]),
      ),
    ).toEqual([]);
    expect(
      directions(
        steps([
          [0.5005, 0.5],
          [0.475, 0.5],
        ]),
      ),
    ).toEqual(['out']);
  });

  test('a stationary object that jitters never counts, wherever it stands', () => {
    const jitter = fc.array(fc.tuple(between(-1, 1), between(-1, 1)), {
      minLength: 5,
      maxLength: 60,
    });
    fc.assert(
      fc.property(between(0.48, 0.52), between(0.05, 0.95), jitter, (x, y, noise) => {
        // Peak to peak just under the margin on both sides: 0.2 of the box height of 0.1.
        const wobble = noise.map(([dx, dy]): Point => [x + dx * 0.0099, y + dy * 0.0099]);
        expect(directions(steps(wobble))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('every full crossing counts exactly once at any frame rate from 2 and any speed', () => {
    const crossing = fc.record({
      fps: fc.integer({ min: 2, max: 30 }),
      speed: between(0.05, 3),
      angle: between(-1, 1),
      through: between(0.2, 0.8),
      jitter: fc.array(between(-1, 1), { minLength: 16, maxLength: 16 }),
      isReversed: fc.boolean(),
      debounce_s: fc.constantFrom(0, 0, 0.5, 3),
      endsAtOnce: fc.boolean(),
    });
    fc.assert(
      fc.property(crossing, (given) => {
        const { fps, speed, angle, through, jitter, isReversed, debounce_s, endsAtOnce } = given;
        const durationS = 0.7 / speed + 2 / fps;
        const frames = Math.ceil(durationS * fps);
        const path = Array.from({ length: frames + 1 }, (_, i) => {
          const way = Math.min(0.7, Math.max(0, (speed * i) / fps));
          const x = isReversed ? 0.85 - way : 0.15 + way;
          const wobble = (jitter[i % 16] ?? 0) * 0.004;
          return {
            atMs: (i * 1000) / fps,
            tracks: [trackAt(x + wobble, through + (x - 0.5) * angle * 0.2)],
          };
        });
        const length = endsAtOnce ? firstBeyond(path) + 1 : path.length;
        const ended = { atMs: path.length * 1000, tracks: [] };
        const plan = planOf({ lines: { door: { ...UPRIGHT, debounce_s } } });
        const told = directions([...path.slice(0, length), ended], plan);
        expect(told).toEqual([isReversed ? 'out' : 'in']);
      }),
      { numRuns: 500 },
    );
  });

  test('in minus out is the change in the number of objects on the right-hand side', () => {
    // The line reaches across the whole picture, so nobody gets around it.
    const plan = planOf({ lines: { door: lineOf([0.5, 2], [0.5, -1]) } });
    const walks = fc.array(fc.array(between(0, 1), { minLength: 2, maxLength: 20 }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(walks, (paths) => {
        const clear = paths.map((xs) => xs.map((x) => (Math.abs(x - 0.5) < 0.02 ? x + 0.05 : x)));
        const length = Math.max(0, ...clear.map((xs) => xs.length));
        const path = Array.from({ length }, (_, i) => ({
          atMs: i * 200,
          tracks: clear.map((xs, k) =>
            trackAt(xs[Math.min(i, xs.length - 1)]!, 0.5, { id: `id-${k}` }),
          ),
        }));
        const { state } = play(plan, path);
        const counter = state.counters['line/door'];
        const right = (at: (xs: number[]) => number) => clear.filter((xs) => at(xs) > 0.5).length;
        const change = right((xs) => xs.at(-1)!) - right((xs) => xs[0]!);
        expect(total(counter, 'in') - total(counter, 'out')).toBe(change);
      }),
      { numRuns: 300 },
    );
  });

  test('turning or mirroring the world turns or mirrors the result', () => {
    const point = fc.tuple(between(0.1, 0.9), between(0.1, 0.9));
    const setting = fc.record({
      a: point,
      b: point,
      path: fc.array(point, { minLength: 2, maxLength: 25 }),
    });
    const centred = (x: number, y: number) =>
      trackAt(x, y, { box: [x - 0.025, y - 0.025, 0.05, 0.05] });
    const run = (a: Point, b: Point, path: readonly Point[]): unknown[] => {
      const line = lineOf(a, b, { anchor: 'centre' });
      const moves = path.map(([x, y], i) => ({ atMs: i * 100, tracks: [centred(x, y)] }));
      return directions(moves, planOf({ lines: { door: line } }));
    };
    const turn = ([x, y]: Point): Point => [1 - y, x];
    const mirror = ([x, y]: Point): Point => [1 - x, y];
    fc.assert(
      fc.property(setting, ({ a, b, path }) => {
        fc.pre(Math.hypot(a[0] - b[0], a[1] - b[1]) > 0.05);
        const plain = run(a, b, path);
        expect(run(turn(a), turn(b), path.map(turn))).toEqual(plain);
        const swapped = plain.map((direction) => (direction === 'in' ? 'out' : 'in'));
        expect(run(mirror(a), mirror(b), path.map(mirror))).toEqual(swapped);
        expect(run(b, a, path)).toEqual(swapped);
      }),
      { numRuns: 300 },
    );
  });

  test('a wide picture counts as a square one does', () => {
    const across = walk((s) => [0.2 + 0.3 * s, 0.5], 7, 2);
    expect(directions(across, PLAN, 16 / 9)).toEqual(['in']);
  });
});
