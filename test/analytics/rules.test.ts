// Rules: what holds, when it fires, and what it says about why.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparisonText, fits } from '../../src/analytics/comparison.ts';
import { type RuleStates, stepRules } from '../../src/analytics/rules.ts';
import { analyseScene, newScene } from '../../src/analytics/scene.ts';
import type { SceneEvent } from '../../src/analytics/view.ts';
import type { Point } from '../../src/contracts/geometry.ts';
import { COMPARISON, type Condition, type RulePlan } from '../../src/contracts/rule.ts';
import {
  ACTION_DEFAULTS,
  lineOf,
  planOf,
  RULE_DEFAULTS,
  SQUARE,
  START_MS,
  type Step,
  trackAt,
  walk,
  zoneOf,
} from './scene-fixture.ts';

const PLAN = planOf({
  zones: { gate: zoneOf(SQUARE) },
  lines: { door: lineOf([0.5, 0.9], [0.5, 0.1]) },
});
const BERLIN = { latitude: 52.52, longitude: 13.4 };

function ruleOf(when: Condition, overrides: Partial<RulePlan> = {}): RulePlan {
  return { ...RULE_DEFAULTS, when, action: { ...ACTION_DEFAULTS, event: 'alarm' }, ...overrides };
}

const CORNERS: readonly Point[] = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];

function fire(rule: RulePlan, steps: readonly Step[], camera = 'front', plan = PLAN): SceneEvent[] {
  let scene = newScene();
  let states: RuleStates = {};
  const fired: SceneEvent[] = [];
  for (const step of steps) {
    const view = {
      timeMs: step.atMs,
      wallMs: step.wallMs ?? START_MS + step.atMs,
      aspect: 1,
      tracks: step.tracks,
    };
    const result = analyseScene(plan, scene, view);
    scene = result.state;
    const facts = { view, scene, events: result.events, timezone: 'UTC', location: BERLIN };
    const after = stepRules({ rule }, camera, states, facts);
    states = JSON.parse(JSON.stringify(after.states));
    fired.push(...after.events);
  }
  return fired;
}

const times = (events: readonly SceneEvent[]): number[] => events.map((event) => event.timeMs);
const inGate = (count: number) =>
  Array.from({ length: count }, (_, i) => trackAt(0.4 + i * 0.05, 0.5, { id: `id-${i}` }));
/** `pattern` says for each 100 ms how many people are in the gate. */
const crowd = (pattern: readonly number[]): Step[] =>
  pattern.map((count, i) => ({ atMs: i * 100, tracks: inGate(count) }));
const repeat = (count: number, times: number): number[] => new Array<number>(times).fill(count);

describe('conditions', () => {
  test('three people waited longer than five seconds at the gate, and the rule says so', () => {
    const when = { label: 'person', zone: 'gate', dwell_s: '> 5', count: '>= 3' };
    const events = fire(ruleOf(when), crowd(repeat(3, 100)));
    expect(times(events)).toEqual([5100]);
    expect(events[0]).toMatchObject({
      type: 'rule',
      objectId: 'id-0',
      data: {
        rule: 'rule',
        event: 'alarm',
        severity: 'warning',
        objects: ['id-0', 'id-1', 'id-2'],
        why: [
          {
            condition: '>= 3 person in gate with dwell_s > 5',
            value: { count: 3, objects: [{ id: 'id-0', label: 'person', dwell_s: 5.1 }, {}, {}] },
          },
        ],
      },
    });
    expect(fire(ruleOf(when), crowd(repeat(2, 100)))).toEqual([]);
  });

  test('nobody: a count of 0 holds when nothing fits', () => {
    const rule = ruleOf({ zone: 'gate', count: '== 0' }, { for_s: 2 });
    expect(times(fire(rule, crowd([...repeat(1, 20), ...repeat(0, 40)])))).toEqual([4000]);
  });

  test('an event in one direction, a counter, and all of them together', () => {
    const across = walk((s) => [0.2 + 0.3 * s, 0.5], 10, 2);
    const event = { event: 'line_cross', line: 'door', direction: 'in' } as const;
    expect(fire(ruleOf(event), across)).toHaveLength(1);
    expect(fire(ruleOf({ ...event, direction: 'out' }), across)).toEqual([]);
    const counter = { counter: { line: 'door', kind: 'in' }, total: 1 };
    expect(fire(ruleOf({ all: [event, counter, { label: 'person' }] }), across)).toHaveLength(1);
    expect(fire(ruleOf({ all: [event, { not: counter }] }), across)).toEqual([]);
    expect(fire(ruleOf({ any: [{ label: 'car' }, event] }), across)).toHaveLength(1);
  });

  test('objects by their speed on the ground and by how long they stand', () => {
    const ground = { picture: CORNERS, metres: CORNERS.map(([x, y]): Point => [100 * x, 100 * y]) };
    const onGround = { ...PLAN, ground: ground as never };
    const fast = ruleOf({ label: 'person', speed_kmh: '> 30' });
    const along = (speed: number) => walk((s) => [0.1 + speed * s, 0.5], 10, 3);
    expect(fire(fast, along(0.08), 'front', onGround)).toEqual([]);
    const [fired] = fire(fast, along(0.1), 'front', onGround);
    expect(fired!.data.why).toMatchObject([
      { condition: '>= 1 person with speed_kmh > 30', value: { objects: [{ id: 'one' }] } },
    ]);
    // Without a ground nobody has a speed, and what is not known fits nothing.
    expect(fire(ruleOf({ speed_kmh: '< 30' }), along(0.1))).toEqual([]);
    const parked = ruleOf({ zone: 'gate', still_s: '>= 2' });
    const stops = walk((s) => [s < 2 ? 0.3 + 0.1 * s : 0.5, 0.5], 10, 6);
    const [stood] = fire(parked, stops);
    expect(stood!.timeMs).toBeGreaterThanOrEqual(3800);
    expect(stood!.timeMs).toBeLessThanOrEqual(4100);
  });

  test('times of day and the sun', () => {
    const one: Step = { atMs: 0, tracks: inGate(1) };
    const at = (hour: number) => [{ ...one, wallMs: Date.UTC(2026, 0, 5, hour) }];
    const night = ruleOf({ all: [{ label: 'person' }, { time: '22:00-06:00', days: ['mon'] }] });
    expect(fire(night, at(23))).toHaveLength(1);
    expect(fire(night, at(12))).toEqual([]);
    const dark = ruleOf({ all: [{ label: 'person' }, { sun: 'down' }] });
    expect(fire(dark, at(23))).toHaveLength(1);
    expect(fire(dark, at(11))).toEqual([]);
    const low = ruleOf({ sun: '< 20' });
    expect(fire(low, at(11))[0]!.data.why).toMatchObject([{ condition: 'sun < 20' }]);
  });

  test('a sequence needs its order and its time', () => {
    const enter = { event: 'zone_enter', zone: 'gate' } as const;
    const cross = { event: 'line_cross', line: 'door' } as const;
    const across = walk((s) => [0.2 + 0.3 * s, 0.5], 10, 2);
    const sequence = (first: Condition, second: Condition, within_s: number) =>
      fire(ruleOf({ sequence: [first, second], within_s }), across).length;
    expect(sequence(enter, cross, 5)).toBe(1);
    expect(sequence(cross, enter, 5)).toBe(0);
    expect(sequence(enter, cross, 0.1)).toBe(0);
    expect(sequence(cross, cross, 5)).toBe(0);
  });

  test('a sequence about the same object is not completed by another', () => {
    const enter = { event: 'zone_enter', zone: 'gate' } as const;
    const exit = { event: 'zone_exit', zone: 'gate' } as const;
    const stays = trackAt(0.4, 0.5, { id: 'stays' });
    const steps: Step[] = Array.from({ length: 60 }, (_, i) => ({
      atMs: i * 100,
      tracks: [stays, trackAt(i < 20 ? 0.1 : i < 40 ? 0.6 : 0.95, 0.5, { id: 'passes' })],
    }));
    const run = (same_object: boolean, within_s: number) =>
      fire(ruleOf({ sequence: [enter, exit], within_s, same_object }), steps);
    expect(run(true, 60)[0]!.data.objects).toEqual(['passes']);
    expect(run(true, 60)).toHaveLength(1);
    const onlyStayer = steps.map((step, i) => ({
      ...step,
      tracks: i < 20 ? [step.tracks[0]!] : step.tracks,
    }));
    expect(run(false, 60)).toHaveLength(1);
    expect(
      fire(ruleOf({ sequence: [exit, enter], within_s: 9, same_object: true }), onlyStayer),
    ).toEqual([]);
  });
});

describe('firing', () => {
  const present: Condition = { zone: 'gate' };

  test('is once while it holds, and again after it was released for long enough', () => {
    const flicker = [...repeat(1, 10), ...repeat(0, 3), ...repeat(1, 10)];
    expect(fire(ruleOf(present, { release_s: 2 }), crowd(flicker))).toHaveLength(1);
    const gone = [...repeat(1, 10), ...repeat(0, 30), ...repeat(1, 10)];
    expect(fire(ruleOf(present, { release_s: 2 }), crowd(gone))).toHaveLength(2);
  });

  test('waits for for_s, and starts over when it was interrupted', () => {
    const rule = ruleOf({ zone: 'gate', count: 2 }, { for_s: 1 });
    const pattern = [...repeat(2, 8), ...repeat(1, 20), ...repeat(2, 30)];
    expect(times(fire(rule, crowd(pattern)))).toEqual([4000]);
  });

  test('keeps to the cooldown, and makes up for it when it still holds', () => {
    const pattern = [...repeat(1, 10), ...repeat(0, 20), ...repeat(1, 100)];
    const fired = fire(ruleOf(present, { cooldown_s: 6 }), crowd(pattern));
    expect(times(fired)).toEqual([200, 6200]);
  });

  test('once per track fires for each object and never twice for one', () => {
    const rule = ruleOf(present, { once_per_track: true });
    const pattern = [...repeat(1, 20), ...repeat(2, 20), ...repeat(1, 20), ...repeat(2, 20)];
    expect(times(fire(rule, crowd(pattern)))).toEqual([200, 2200, 6200]);
  });

  test('is silent in quiet hours and speaks up after them when it still holds', () => {
    const rule = ruleOf(present, { quiet: [{ time: '11:00-12:00' }] });
    const steps = crowd(repeat(1, 50)).map((step) => ({
      ...step,
      wallMs: Date.UTC(2026, 0, 5, 12) - 3000 + step.atMs,
    }));
    expect(times(fire(rule, steps))).toEqual([3000]);
  });

  test('is limited to the cameras it names', () => {
    const rule = ruleOf(present, { cameras: ['back'] });
    expect(fire(rule, crowd(repeat(1, 10)), 'front')).toEqual([]);
    expect(fire(rule, crowd(repeat(1, 10)), 'back')).toHaveLength(1);
  });

  test('never happens twice within the cooldown, whatever people do', () => {
    const pattern = fc.array(fc.nat(3), { maxLength: 80 });
    fc.assert(
      fc.property(
        pattern,
        fc.integer({ min: 0, max: 5 }),
        fc.boolean(),
        (people, cooldown_s, once) => {
          const rule = ruleOf({ zone: 'gate', count: 2 }, { cooldown_s, once_per_track: once });
          const fired = times(fire(rule, crowd(people)));
          fired.forEach((at, i) => {
            if (i > 0) expect(at - fired[i - 1]!).toBeGreaterThanOrEqual(cooldown_s * 1000);
          });
        },
      ),
      { numRuns: 50 },
    );
  });
});

test('comparisons agree with the operators they are written with', () => {
  const operator = fc.constantFrom('>=', '<=', '>', '<', '==', '!=');
  fc.assert(
    fc.property(
      operator,
      fc.integer({ min: -5, max: 5 }),
      fc.integer({ min: -5, max: 5 }),
      (sign, limit, value) => {
        const expected = {
          '>=': value >= limit,
          '<=': value <= limit,
          '>': value > limit,
          '<': value < limit,
          '==': value === limit,
          '!=': value !== limit,
        }[sign];
        expect(COMPARISON.test(`${sign} ${limit}`)).toBe(true);
        expect(fits(`${sign}${limit}`, value)).toBe(expected);
        expect(fits(`${sign}${limit}`, undefined)).toBe(false);
      },
    ),
  );
  expect(fits(3, 3)).toBe(true);
  expect(comparisonText(3)).toBe('>= 3');
  expect(['3', '=> 3', '> x', ''].map((text) => COMPARISON.test(text))).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
