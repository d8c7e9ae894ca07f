// Where tracks are looked for, and how well a detection fits.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cornersIou } from '../../src/track/candidates.ts';
import { Lookout, likelihood, sizeFit } from '../../src/track/fit.ts';
import { Tracklet } from '../../src/track/tracklet.ts';
import { frameOf } from '../fakes/frames.ts';

const corners = fc
  .tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0.01, max: 0.5, noNaN: true }),
    fc.double({ min: 0.01, max: 0.5, noNaN: true }),
  )
  .map(([x, y, w, h]) => Float64Array.of(x, y, x + w, y + h));

function trackletAt(box: Float64Array): Tracklet {
  const detection = { box: [0, 0, 0.1, 0.1] as const, score: 0.9, label: 'person' };
  return new Tracklet('t', frameOf('a', 1), detection, box, 0);
}

function overlap(tracklet: Tracklet, place: Float64Array, box: Float64Array): number {
  const lookout = new Lookout();
  lookout.aim(tracklet, place);
  return lookout.overlap(box, 0);
}

/** The definition: both boxes widened on every side, then intersection over union. */
function widenedIou(a: Float64Array, b: Float64Array, buffer: number): number {
  const widen = ([x1, y1, x2, y2]: Float64Array): Float64Array => {
    const w = (x2! - x1!) * buffer + (y2! - y1!) * Math.min(0.06, buffer);
    const h = (y2! - y1!) * buffer;
    return Float64Array.of(x1! - w, y1! - h, x2! + w, y2! + h);
  };
  return cornersIou(widen(a), 0, widen(b), 0);
}

describe('overlap', () => {
  test('of a lost track is that of boxes widened by the time it is unseen', () => {
    fc.assert(
      fc.property(corners, corners, fc.integer({ min: 0, max: 3000 }), (a, b, unseenMs) => {
        const tracklet = trackletAt(a);
        tracklet.phase = 'lost';
        tracklet.predict(unseenMs);
        const buffer = Math.min(0.3, Math.max(0, 0.5 * (unseenMs / 1000 - 1 / 30)));
        expect(overlap(tracklet, a, b)).toBeCloseTo(widenedIou(a, b, buffer), 9);
      }),
    );
  });

  test('counts the expected place and the last one as far as each came true', () => {
    const far = Float64Array.of(0.5, 0.5, 0.6, 0.8);
    const tracklet = trackletAt(Float64Array.of(0.1, 0.5, 0.2, 0.8));
    tracklet.predict(200);
    const { expected, observed, foresight } = tracklet;
    expected.set(far);
    expect(overlap(tracklet, expected, far)).toBeCloseTo(1, 9);
    foresight.learn(expected, observed, observed, 0, 200);
    expect(foresight.share).toBeLessThan(0.01);
    expect(overlap(tracklet, expected, far)).toBeCloseTo(foresight.share, 9);
    expect(overlap(tracklet, expected, observed)).toBeCloseTo(1 - foresight.share, 9);
    for (let i = 0; i < 4; i++) foresight.learn(far, observed, far, 0, 200);
    expect(foresight.share).toBeGreaterThan(0.5);
    expect(foresight.share).toBeLessThan(0.99);
    expect(overlap(tracklet, expected, observed)).toBeCloseTo(1 - foresight.share, 9);
    for (let i = 0; i < 20; i++) foresight.learn(far, observed, far, 0, 200);
    expect(overlap(tracklet, expected, far)).toBeGreaterThan(0.99);
  });
});

test('a track is expected as tall and wide as it was detected last, grown as its filter says', () => {
  const tracklet = trackletAt(Float64Array.of(0.4, 0.4, 0.5, 0.7));
  const detection = { box: [0, 0, 0.1, 0.1] as const, score: 0.9, label: 'person' };
  for (let i = 1; i <= 20; i++) {
    tracklet.predict(40);
    tracklet.update(frameOf('a', i), detection, Float64Array.of(0.4, 0.4, 0.5, 0.7), 0, false);
  }
  tracklet.predict(40);
  tracklet.update(frameOf('a', 21), detection, Float64Array.of(0.35, 0.4, 0.55, 0.7), 0, false);
  tracklet.predict(40);
  const [x1, y1, x2, y2] = tracklet.expected;
  expect(x2! - x1!).toBeCloseTo(0.2, 3);
  expect(y2! - y1!).toBeCloseTo(0.3, 3);
});

test('size fits best at equal height, and alike for twice and half', () => {
  const place = Float64Array.of(0, 0, 1, 1);
  expect(sizeFit(place, Float64Array.of(5, 5, 9, 6), 0)).toBe(1);
  expect(sizeFit(place, Float64Array.of(5, 5, 9, 7), 0)).toBe(0.5);
  expect(sizeFit(place, Float64Array.of(5, 5, 9, 5.5), 0)).toBe(0.5);
});

test('likelihood rises with overlap to 1, and half of it is lost within a quarter of a box', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(share, share, (a, b) => {
      if (a < b) expect(likelihood(a)).toBeLessThanOrEqual(likelihood(b));
      expect(likelihood(a)).toBeGreaterThan(0);
    }),
  );
  expect(likelihood(1)).toBe(1);
  const aQuarterAside = 0.75 / 1.25;
  expect(likelihood(aQuarterAside)).toBeLessThan(0.5);
  expect(likelihood(aQuarterAside)).toBeGreaterThan(0.4);
});
