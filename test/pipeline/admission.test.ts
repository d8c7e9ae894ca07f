// Admission: what it may never do, whatever is asked for, and what it says in round numbers.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  admissionText,
  admit,
  type Demand,
  load,
  streamsSupported,
  UTILISATION,
} from '../../src/pipeline/admission.ts';
import { capacityOf, machines } from '../fakes/capacity.ts';

const TWO_CORES = { profile: capacityOf(), cores: 2 };
const camera = (name: string, changes: Partial<Demand> = {}): Demand => ({
  ...{ camera: name, fps: 10, minFps: 1, priority: 1 },
  ...changes,
});
const several = (count: number, changes: Partial<Demand> = {}) =>
  Array.from({ length: count }, (_, at) => camera(`c${at}`, changes));

const rate = fc.double({ min: 0.05, max: 60, noNaN: true });
const demands = fc
  .array(
    fc.record({ fps: rate, minFps: rate, priority: fc.double({ min: 0.1, max: 10, noNaN: true }) }),
    { minLength: 1, maxLength: 24 },
  )
  .map((all) => all.map((one, at) => ({ ...one, camera: `c${at}` })));

describe('admit, for any demand on any machine,', () => {
  const check = (rule: (asked: Demand[], machine: typeof TWO_CORES) => void) =>
    fc.assert(fc.property(demands, machines, rule), { numRuns: 500 });
  const floor = ({ fps, minFps }: Demand) => Math.min(fps, minFps, 25);

  it('gives no more than the machine carries, unless only one camera is left', () =>
    check((asked, machine) => {
      const { fps, givenLoad } = admit(asked, machine);
      expect(givenLoad).toBeCloseTo(load(Object.values(fps), machine), 9);
      if (Object.keys(fps).length > 1) expect(givenLoad).toBeLessThanOrEqual(UTILISATION + 1e-9);
    }));

  it('forgets no camera and admits at least one', () =>
    check((asked, machine) => {
      const { fps, refused } = admit(asked, machine);
      const all = [...Object.keys(fps), ...refused].sort();
      expect(all).toEqual(asked.map((one) => one.camera).sort());
      expect(Object.keys(fps).length).toBeGreaterThan(0);
    }));

  it('keeps every admitted camera between its floor and what it asked for', () =>
    check((asked, machine) => {
      const { fps } = admit(asked, machine);
      for (const one of asked) {
        const given = fps[one.camera];
        if (given === undefined) continue;
        expect(given).toBeGreaterThanOrEqual(floor(one));
        expect(given).toBeLessThanOrEqual(one.fps);
      }
    }));

  it('lowers nobody where all fits, and wastes nothing where it does not', () =>
    check((asked, machine) => {
      const { verdict, fps, wantedLoad, givenLoad, refused } = admit(asked, machine);
      fc.pre(Math.abs(wantedLoad - UTILISATION) > 1e-6);
      if (wantedLoad < UTILISATION) {
        expect([verdict, refused]).toEqual(['fits', []]);
        for (const one of asked) expect(fps[one.camera]).toBe(Math.min(one.fps, 25));
      } else if (asked.length > 1) {
        expect(verdict).not.toBe('fits');
        const admitted = asked.filter((one) => one.camera in fps);
        const couldGrow = admitted.some((one) => fps[one.camera]! < Math.min(one.fps, 25) - 1e-9);
        if (couldGrow && givenLoad <= UTILISATION) expect(givenLoad).toBeCloseTo(UTILISATION, 6);
      }
    }));

  it('lets nobody of lower priority keep a larger share, floors aside', () =>
    check((asked, machine) => {
      const { fps } = admit(asked, machine);
      const admitted = asked.filter((one) => one.camera in fps);
      const share = (one: Demand) => fps[one.camera]! / Math.min(one.fps, 25);
      for (const one of admitted) {
        for (const other of admitted) {
          if (one.priority < other.priority) continue;
          const isAtFloor = fps[other.camera]! <= floor(other) + 1e-9;
          if (!isAtFloor) expect(share(one)).toBeGreaterThanOrEqual(share(other) - 1e-9);
        }
      }
    }));

  it('refuses nobody more important than somebody it admits', () =>
    check((asked, machine) => {
      const { fps, refused } = admit(asked, machine);
      const priorityOf = new Map(asked.map((one) => [one.camera, one.priority]));
      const least = Math.min(...Object.keys(fps).map((name) => priorityOf.get(name)!));
      for (const name of refused) expect(priorityOf.get(name)).toBeLessThanOrEqual(least);
    }));

  it('does not depend on the order of the file, but among equals that must be refused', () =>
    check((asked, machine) => {
      const distinct = asked.map((one, at) => ({ ...one, priority: 0.1 + at / 10 }));
      const there = admit(distinct, machine);
      const back = admit(distinct.toReversed(), machine);
      expect([...back.refused].sort()).toEqual([...there.refused].sort());
      for (const [name, fps] of Object.entries(there.fps)) {
        expect(back.fps[name]).toBeCloseTo(fps, 6);
      }
    }));
});

describe('admit', () => {
  it('in round numbers', () => {
    // Each camera: 50 ms/s of decoding and 10 × 10 ms/s of analysis, of 1700 ms/s.
    expect(admit(several(11), TWO_CORES)).toMatchObject({ verdict: 'fits', wantedLoad: 0.825 });
    const twelve = admit(several(12), TWO_CORES);
    expect(twelve).toMatchObject({ verdict: 'degraded', wantedLoad: 0.9, refused: [] });
    expect(twelve.fps.c0).toBeCloseTo((1700 - 12 * 50) / 120, 6);
    const tooMany = admit(several(30), TWO_CORES);
    expect(tooMany.refused).toEqual(['c29', 'c28']);
    expect(tooMany.fps.c0).toBeCloseTo((1700 - 28 * 50) / 280, 6);
  });

  it('an accelerator is full before the cores are', () => {
    const machine = {
      cores: 8,
      profile: capacityOf({ inference_fps: 100, inference_cpu_ms: 0.1 }),
    };
    const { fps, givenLoad } = admit(several(10), machine);
    expect(fps.c0).toBeCloseTo(8.5, 6);
    expect(givenLoad).toBeCloseTo(0.85, 6);
  });

  it('priority decides who keeps its rate', () => {
    const asked = [...several(11), camera('gate', { priority: 10 })];
    const { fps } = admit(asked, TWO_CORES);
    expect(fps.gate).toBe(10);
    expect(fps.c0).toBeCloseTo((1700 - 12 * 50 - 100) / 110, 6);
  });

  it('says what was asked for, what the machine carries and what can be done', () => {
    expect(admissionText(several(2), TWO_CORES)).toBe(
      '2 cameras ask for 15 % of this machine; up to 85 % is planned for',
    );
    expect(admissionText([...several(12), camera('yard', { fps: 20 })], TWO_CORES)).toMatch(
      /^13 cameras ask for 102 % of this machine, measured with a-model on 1920x1080 at 25 fps; 85 % can be given; analysed frames\/s: c0 10 → 7.5, .*yard 20 → 15 \(85 %\); lower fps yourself/,
    );
    expect(admissionText(several(30), TWO_CORES)).toMatch(
      /no room for c29, c28, even at min_fps; .*lower fps and min_fps/,
    );
  });
});

it('the streams that a machine supports are as many as are admitted without being lowered', () => {
  expect(streamsSupported(10, TWO_CORES)).toBe(11);
  fc.assert(
    fc.property(rate, machines, (fps, machine) => {
      const count = streamsSupported(fps, machine);
      fc.pre(count < 200);
      if (count > 0) expect(admit(several(count, { fps }), machine).verdict).toBe('fits');
      if (count > 0) expect(admit(several(count + 1, { fps }), machine).verdict).not.toBe('fits');
    }),
  );
});
