// Zones: who is in, for how long, and what follows from it.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { total } from '../../src/analytics/counters.ts';
import { analyseScene, newScene } from '../../src/analytics/scene.ts';
import type { Point } from '../../src/contracts/geometry.ts';
import {
  between,
  ofType,
  planOf,
  play,
  SQUARE,
  START_MS,
  type Step,
  trackAt,
  walk,
  zoneOf,
} from './scene-fixture.ts';

function stay(x: number, y: number, durationS: number, fps = 10): Step[] {
  return walk(() => [x, y], fps, durationS);
}

const UNIT: readonly Point[] = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];
const hall = (overrides = {}) => planOf({ zones: { hall: zoneOf(SQUARE, overrides) } });

describe('enter and exit', () => {
  test('are told once each, with the time spent inside', () => {
    const { events } = play(
      hall(),
      walk((s) => [0.1 + 0.1 * s, 0.5], 10, 8),
    );
    expect(events.map((event) => event.type)).toEqual(['zone_enter', 'zone_exit']);
    // 0.4 wide at 0.1 per second, plus the margin of 0.01.
    expect(events[1]!.data).toEqual({ dwell_s: 4.1, reason: 'left' });
  });

  test('wobbling on the edge enters once and does not leave', () => {
    const wobble: Step[] = Array.from({ length: 100 }, (_, i) => ({
      atMs: i * 100,
      tracks: [trackAt(i % 2 === 0 ? 0.305 : 0.295, 0.5)],
    }));
    const entering = play(hall({ enter_s: 0 }), wobble);
    expect(entering.events.map((event) => event.type)).toEqual(['zone_enter']);
    const undamped = play(hall({ enter_s: 0, exit_s: 0 }), wobble);
    expect(undamped.events.map((event) => event.type)).toEqual(['zone_enter']);
    const wide = play(hall({ enter_s: 0, exit_s: 0, margin: 0 }), wobble);
    expect(wide.events).toHaveLength(100);
  });

  test('a short look inside is no entry, a short absence no exit', () => {
    const inside = trackAt(0.5, 0.5);
    const outside = trackAt(0.1, 0.5);
    const at = (tracks: Step['tracks'], i: number): Step => ({ atMs: i * 100, tracks });
    const glimpse = [outside, inside, outside, outside].map((track, i) => at([track], i));
    expect(play(hall(), glimpse).events).toEqual([]);
    const pattern = [...'iiiiiooiiiii'].map((c, i) => at([c === 'i' ? inside : outside], i));
    expect(play(hall(), pattern).events.map((event) => event.type)).toEqual(['zone_enter']);
  });

  test('a lost object stays; one that ended exits', () => {
    const steps: Step[] = [
      ...stay(0.5, 0.5, 1),
      { atMs: 1100, tracks: [trackAt(0.9, 0.9, { phase: 'lost' })] },
      { atMs: 2100, tracks: [] },
    ];
    const { events } = play(hall(), steps);
    expect(events.map((event) => event.type)).toEqual(['zone_enter', 'zone_exit']);
    expect(events[1]!.data).toMatchObject({ reason: 'ended' });
  });

  test('what was already outside when its track ended has left, since then', () => {
    const steps: Step[] = [
      ...stay(0.5, 0.5, 1),
      { atMs: 1100, tracks: [trackAt(0.9, 0.9)] },
      { atMs: 1300, tracks: [trackAt(0.9, 0.9)] },
      { atMs: 1400, tracks: [] },
    ];
    const [, exit] = play(hall(), steps).events;
    expect(exit!.data).toEqual({ dwell_s: 1.1, reason: 'left' });
  });

  test('the filter decides who enters; who is inside leaves whatever it looks like by then', () => {
    const plan = hall({ labels: ['person'], min_area: 0.004 });
    const box = (x: number, size: number) => trackAt(x, 0.5, {}, size);
    const at = (i: number, track: Step['tracks'][0]): Step => ({ atMs: i * 300, tracks: [track] });
    const small = [0, 1, 2, 3].map((i) => at(i, box(0.5, 0.05)));
    expect(play(plan, small).events).toEqual([]);
    const shrinking = [0, 1, 2, 3, 4, 5, 6].map((i) =>
      at(i, i < 3 ? box(0.5, 0.1) : { ...box(i < 4 ? 0.5 : 0.9, 0.05), label: 'dog' }),
    );
    const { events, state } = play(plan, shrinking);
    expect(events.map((event) => event.type)).toEqual(['zone_enter', 'zone_exit']);
    expect(events[1]!.data).toMatchObject({ reason: 'left', dwell_s: 1.2 });
    // It exits as what it entered as, so that each label's entries and exits fit together.
    expect(state.counters['zone/hall']!.totals).toEqual({
      enter: { person: 1 },
      exit: { person: 1 },
    });
  });

  test('anchors differ: a tall box with its feet outside is in by centre and by overlap', () => {
    const steps = Array.from({ length: 10 }, (_, i) => ({
      atMs: i * 100,
      tracks: [trackAt(0.5, 0.75, { box: [0.45, 0.35, 0.1, 0.4] })],
    }));
    const entered = (overrides: object) => play(hall(overrides), steps).events.length;
    expect(entered({ anchor: 'bottom_centre' })).toBe(0);
    expect(entered({ anchor: 'centre' })).toBe(1);
    expect(entered({ anchor: 'overlap', min_overlap: 0.8 })).toBe(1);
    expect(entered({ anchor: 'overlap', min_overlap: 0.9 })).toBe(0);
  });
});

describe('what follows from a visit', () => {
  test('loitering is told once per visit, after loiter_s', () => {
    const { events } = play(hall({ loiter_s: 5 }), stay(0.5, 0.5, 20));
    const loitering = ofType(events, 'loitering');
    expect(loitering).toHaveLength(1);
    expect(loitering[0]!.timeMs).toBe(5000);
  });

  test('crowding and absence begin and end once', () => {
    const plan = hall({ crowd: { count: 2, for_s: 1 }, absence_s: 3 });
    const both = [trackAt(0.5, 0.5), trackAt(0.6, 0.6, { id: 'two' })];
    const steps: Step[] = Array.from({ length: 100 }, (_, i) => ({
      atMs: i * 100,
      tracks: i < 40 ? both : [],
    }));
    const { events } = play(plan, steps);
    expect(events.filter((event) => event.track === undefined).map((event) => event.type)).toEqual([
      'crowding',
      'crowding_end',
      'absence',
    ]);
    expect(ofType(events, 'absence')[0]!.timeMs).toBe(7000);
  });

  test('an object that stands is stationary once, and again after it moved', () => {
    const plan = hall({ stationary_s: 3 });
    const path = (s: number): Point => [s < 5 ? 0.4 : s < 7 ? 0.4 + (s - 5) * 0.1 : 0.6, 0.5];
    const { events } = play(plan, walk(path, 10, 15));
    expect(ofType(events, 'stationary')).toHaveLength(2);
  });

  test('movement against the direction is wrong_way, across it is not', () => {
    const plan = hall({ direction: 90 });
    const types = (path: (s: number) => Point) =>
      play(plan, walk(path, 10, 3)).events.map((event) => event.type);
    expect(types((s) => [0.65 - 0.1 * s, 0.5])).toContain('wrong_way');
    expect(types((s) => [0.35 + 0.1 * s, 0.5])).not.toContain('wrong_way');
    expect(types((s) => [0.5, 0.65 - 0.1 * s])).not.toContain('wrong_way');
  });

  test('a moment of speed and a moment against the direction do not add up to either', () => {
    const ground = { picture: UNIT, metres: UNIT.map(([x, y]): Point => [100 * x, 100 * y]) };
    const plan = {
      ...hall({ direction: 90, max_speed_kmh: 30, enter_s: 0 }),
      ground: ground as never,
    };
    const types = (path: (s: number) => Point, forS: number) =>
      play(plan, walk(path, 10, forS)).events.map((event) => event.type);
    const leap = (s: number): Point => [0.35 + (s < 1 ? 0.01 * s : 0.01 + 0.12 * (s - 1)), 0.5];
    expect(types(leap, 1.4)).toEqual(['zone_enter']);
    expect(types((s) => [0.35 + 0.12 * s, 0.5], 1.5)).toEqual(['zone_enter', 'speeding']);
  });

  test('speed in km/h comes from four points on the ground', () => {
    const ground = { picture: UNIT, metres: UNIT.map(([x, y]): Point => [100 * x, 100 * y]) };
    const plan = { ...hall({ max_speed_kmh: 30 }), ground: ground as never };
    const speeding = (speed: number) =>
      ofType(
        play(
          plan,
          walk((s) => [0.3 + speed * s, 0.5], 10, 3),
        ).events,
        'speeding',
      );
    expect(speeding(0.08)).toEqual([]);
    expect(speeding(0.1)[0]!.data).toEqual({ speed_kmh: 36, limit_kmh: 30 });
  });
});

describe('properties', () => {
  const wander = fc.array(fc.tuple(between(0, 1), between(0, 1)), { minLength: 1, maxLength: 40 });

  test('entries minus exits is the occupancy, always', () => {
    fc.assert(
      fc.property(fc.array(wander, { maxLength: 5 }), between(50, 1000), (paths, everyMs) => {
        const plan = hall();
        let state = newScene();
        const length = Math.max(0, ...paths.map((path) => path.length)) + 2;
        for (let i = 0; i < length; i++) {
          const tracks = paths.flatMap((path, k) =>
            i < path.length ? [trackAt(path[i]![0], path[i]![1], { id: `id-${k}` })] : [],
          );
          const view = { timeMs: i * everyMs, wallMs: START_MS + i * everyMs, aspect: 1, tracks };
          state = analyseScene(plan, state, view).state;
          const counter = state.counters['zone/hall'];
          expect(total(counter, 'enter') - total(counter, 'exit')).toBe(
            state.zones.hall!.occupancy.count,
          );
        }
        expect(state.zones.hall!.occupancy.count).toBe(0);
      }),
    );
  });

  test('clock jumps change no event', () => {
    const jumps = fc.array(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(wander, jumps, (path, offsets) => {
        const plan = hall({ loiter_s: 1, crowd: { count: 1, for_s: 1 }, stationary_s: 1 });
        const steps = path.map(([x, y], i) => ({ atMs: i * 200, tracks: [trackAt(x, y)] }));
        const jumping = steps.map((step, i) => ({
          ...step,
          wallMs: START_MS + step.atMs + offsets[i]!,
        }));
        expect(play(plan, jumping).events).toEqual(play(plan, steps).events);
      }),
    );
  });

  test('turning and mirroring the world changes nothing but places', () => {
    const box = (x: number, y: number) => trackAt(x, y, { box: [x - 0.02, y - 0.02, 0.04, 0.04] });
    const run = (map: (p: Point) => Point, path: readonly Point[]) => {
      const plan = planOf({ zones: { hall: zoneOf(SQUARE.map(map), { anchor: 'centre' }) } });
      const steps = path.map((p, i) => ({ atMs: i * 200, tracks: [box(...map(p))] }));
      return play(plan, steps).events.map((event) => [event.type, event.timeMs, event.data]);
    };
    fc.assert(
      fc.property(wander, (path) => {
        const plain = run((p) => p, path);
        expect(run(([x, y]) => [1 - y, x], path)).toEqual(plain);
        expect(run(([x, y]) => [1 - x, y], path)).toEqual(plain);
        expect(run(([x, y]) => [x, 1 - y], path)).toEqual(plain);
      }),
    );
  });

  test('the state is plain data: stored and read back, it goes on as if nothing had happened', () => {
    fc.assert(
      fc.property(wander, fc.nat(40), (path, cut) => {
        const plan = hall({ loiter_s: 1, stationary_s: 1 });
        const steps = path.map(([x, y], i) => ({ atMs: i * 200, tracks: [trackAt(x, y)] }));
        const whole = play(plan, steps);
        const head = play(plan, steps.slice(0, cut));
        const restored = JSON.parse(JSON.stringify(head.state));
        const tail = play(plan, steps.slice(cut), restored);
        expect([...head.events, ...tail.events]).toEqual(whole.events);
      }),
    );
  });
});

describe('counters', () => {
  const across = (offsetMs: number, id: string): Step[] =>
    walk((s) => [0.1 + 0.2 * s, 0.5], 10, 4.6, { id }).map((step) => ({
      ...step,
      atMs: step.atMs + offsetMs,
    }));

  test('outlive restarts and edits of the zone; a zone that is removed takes its counter along', () => {
    const first = play(hall(), across(0, 'a'));
    const restarted = newScene(JSON.parse(JSON.stringify(first.state.counters)));
    const wider = planOf({
      zones: {
        hall: zoneOf([
          [0.2, 0.2],
          [0.8, 0.2],
          [0.8, 0.8],
          [0.2, 0.8],
        ]),
      },
    });
    const second = play(wider, across(10_000, 'b'), restarted);
    expect(second.state.counters['zone/hall']!.totals).toEqual({
      enter: { person: 2 },
      exit: { person: 2 },
    });
    expect(play(planOf(), across(20_000, 'c'), second.state).state.counters).toEqual({});
  });

  test('an edit in the middle of a visit keeps the visit', () => {
    const steps = stay(0.5, 0.5, 10).map((step, i) => ({
      ...step,
      plan: hall(i < 50 ? { loiter_s: 8 } : { loiter_s: 6 }),
    }));
    const { events } = play(hall(), steps);
    expect(events.map((event) => [event.type, event.timeMs])).toEqual([
      ['zone_enter', 200],
      ['loitering', 6000],
    ]);
  });

  test('begin anew at local midnight, tell the old totals, and do not when the clock goes back', () => {
    const plan = { ...hall({ reset: 'daily' }), timezone: 'Europe/Berlin' };
    const midnight = Date.UTC(2026, 5, 9, 22);
    const at = (wallMs: number, atMs: number, tracks: Step['tracks'] = []): Step => ({
      atMs,
      wallMs,
      tracks,
    });
    const steps: Step[] = [
      ...across(0, 'a').map((step) => ({ ...step, wallMs: midnight - 60_000 })),
      at(midnight - 1, 5000),
      at(midnight, 6000),
      at(midnight - 3_600_000, 7000),
      at(midnight + 1, 8000),
    ];
    const { events, state } = play(plan, steps);
    const resets = ofType(events, 'counter_reset');
    expect(resets).toHaveLength(1);
    expect(resets[0]!.data).toEqual({
      counter: 'zone/hall',
      period: '2026-06-09',
      totals: { enter: { person: 1 }, exit: { person: 1 } },
    });
    expect(state.counters['zone/hall']).toEqual({ totals: {}, period: '2026-06-10' });
  });
});
