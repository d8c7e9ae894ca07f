// The small parts: shapes, ground, schedules, sun.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withoutMasked } from '../../src/analytics/filter.ts';
import { calibrate } from '../../src/analytics/ground.ts';
import { isWithin, localTime, periodOf } from '../../src/analytics/schedule.ts';
import { coveredShare, isInside } from '../../src/analytics/shapes.ts';
import { sunElevation } from '../../src/analytics/sun.ts';
import type { Box, Point } from '../../src/contracts/geometry.ts';
import { between } from './scene-fixture.ts';

/** Multiples of 1/64, which are exact, so that many lie on edges. */
const grid = fc.integer({ min: -16, max: 80 }).map((value) => value / 64);
const L_SHAPE: Point[] = [
  [0, 0],
  [1, 0],
  [1, 0.5],
  [0.5, 0.5],
  [0.5, 1],
  [0, 1],
];

describe('shapes', () => {
  test('inside agrees with the definition of an L, edges included', () => {
    fc.assert(
      fc.property(grid, grid, (x, y) => {
        const isIn = x >= 0 && y >= 0 && x <= 1 && y <= 1 && (x <= 0.5 || y <= 0.5);
        expect(isInside([x, y], L_SHAPE)).toBe(isIn);
      }),
    );
    for (const corner of L_SHAPE) expect(isInside(corner, L_SHAPE)).toBe(true);
    expect(isInside([0.75, 0.5], L_SHAPE)).toBe(true);
  });

  test('the covered share agrees with counting points', () => {
    fc.assert(
      fc.property(
        between(-0.2, 0.8),
        between(-0.2, 0.8),
        between(0.1, 0.6),
        between(0.1, 0.6),
        (x, y, w, h) => {
          const box: Box = [x, y, w, h];
          let hits = 0;
          for (let i = 0; i < 60; i++) {
            for (let k = 0; k < 60; k++) {
              const point: Point = [x + ((i + 0.5) / 60) * w, y + ((k + 0.5) / 60) * h];
              if (isInside(point, L_SHAPE)) hits += 1;
            }
          }
          expect(Math.abs(coveredShare(box, L_SHAPE) - hits / 3600)).toBeLessThan(0.04);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('masked detections are dropped by where they stand', () => {
    const at = (x: number, y: number) =>
      ({ box: [x, y, 0.1, 0.1], score: 1, label: 'person' }) as const;
    const kept = withoutMasked([at(0.1, 0.1), at(0.8, 0.8)], [L_SHAPE]);
    expect(kept).toEqual([at(0.8, 0.8)]);
  });
});

describe('ground', () => {
  const METRES: [Point, Point, Point, Point] = [
    [0, 0],
    [10, 0],
    [10, 20],
    [0, 20],
  ];

  test('the four points map exactly, and a known homography is found again', () => {
    const corner = fc.tuple(between(-0.04, 0.04), between(-0.04, 0.04));
    fc.assert(
      fc.property(fc.tuple(corner, corner, corner, corner), (shift) => {
        const base: Point[] = [
          [0.4, 0.4],
          [0.6, 0.4],
          [0.9, 0.9],
          [0.1, 0.9],
        ];
        const picture = base.map(([x, y], i): Point => [x + shift[i]![0], y + shift[i]![1]]);
        const ground = calibrate({ picture: picture as never, metres: METRES })!;
        picture.forEach((point, i) => {
          const [u, v] = ground.toMetres(point)!;
          expect(u).toBeCloseTo(METRES[i]![0], 6);
          expect(v).toBeCloseTo(METRES[i]![1], 6);
        });
      }),
    );
  });

  test('nothing is known above the horizon, nor from points in one line', () => {
    const picture: [Point, Point, Point, Point] = [
      [0.4, 0.4],
      [0.6, 0.4],
      [0.9, 0.9],
      [0.1, 0.9],
    ];
    expect(calibrate({ picture, metres: METRES })!.toMetres([0.5, 0.01])).toBeUndefined();
    const flat: [Point, Point, Point, Point] = [
      [0.1, 0.1],
      [0.2, 0.2],
      [0.3, 0.3],
      [0.9, 0.1],
    ];
    expect(calibrate({ picture: flat, metres: METRES })).toBeUndefined();
  });
});

describe('time', () => {
  test('local time follows the zone and its summer time', () => {
    expect(localTime(Date.UTC(2026, 0, 5, 23, 30), 'Europe/Berlin')).toEqual({
      year: 2026,
      month: 1,
      day: 6,
      weekday: 'tue',
      minuteOfDay: 30,
    });
    expect(localTime(Date.UTC(2026, 6, 5, 23, 30), 'Europe/Berlin').minuteOfDay).toBe(90);
  });

  test('local time is what the zone says, minute by minute, in any order of asking', () => {
    const zone = fc.constantFrom('UTC', 'Asia/Kathmandu');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 200 }), zone)), (asked) => {
        for (const [minute, name] of asked) {
          const shift = name === 'UTC' ? 0 : 5 * 60 + 45;
          const { minuteOfDay } = localTime(Date.UTC(2026, 0, 5, 9, minute), name);
          expect(minuteOfDay).toBe((9 * 60 + minute + shift) % 1440);
        }
      }),
    );
  });

  test('period names never go back as time goes on', () => {
    const schedule = fc.constantFrom('hourly', 'daily', 'weekly', 'monthly') as fc.Arbitrary<
      'hourly' | 'daily' | 'weekly' | 'monthly'
    >;
    fc.assert(
      fc.property(schedule, fc.integer({ min: 0, max: 2e12 }), fc.nat(1e9), (one, at, later) => {
        expect(periodOf(one, at + later, 'UTC') >= periodOf(one, at, 'UTC')).toBe(true);
      }),
    );
  });

  test('windows over midnight belong to the day they began', () => {
    const at = (day: number, hour: number) => localTime(Date.UTC(2026, 0, day, hour), 'UTC');
    const night = (day: number, hour: number) => isWithin(at(day, hour), 22 * 60, 6 * 60, ['mon']);
    expect([night(5, 23), night(6, 3), night(5, 3), night(6, 23)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('the sun stands where almanacs say', () => {
    // Solar noon: 90° - latitude ± declination. Greenwich, equinox and solstices.
    const noon = (month: number, day: number) =>
      sunElevation(Date.UTC(2026, month, day, 12), 51.48, 0);
    expect(noon(5, 21)).toBeCloseTo(90 - 51.48 + 23.43, 0);
    expect(noon(11, 21)).toBeCloseTo(90 - 51.48 - 23.43, 0);
    // Sunset in Berlin on 21 June 2026 is at 19:33 UTC (centre at -0.833°).
    expect(sunElevation(Date.UTC(2026, 5, 21, 19, 33), 52.52, 13.405)).toBeCloseTo(-0.83, 0);
    expect(sunElevation(Date.UTC(2026, 5, 21, 23), 52.52, 13.405)).toBeLessThan(-12);
  });
});
