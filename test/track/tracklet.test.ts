// One tracklet: what it learns of its two guesses, how large it is expected, and what a turning camera moves.
import { describe, expect, test } from 'vitest';
import type { Affine } from '../../src/contracts/geometry.ts';
import { Foresight } from '../../src/track/foresight.ts';
import { Tracklet } from '../../src/track/tracklet.ts';
import { frameOf } from '../fakes/frames.ts';

const DETECTION = { box: [0, 0, 0.1, 0.1] as const, score: 0.9, label: 'person' };
const STEP_MS = 40;

function box(x: number, y: number, width = 0.1, height = 0.3): Float64Array {
  return Float64Array.of(x, y, x + width, y + height);
}

function born(at: Float64Array): Tracklet {
  return new Tracklet('t', frameOf('a', 1), DETECTION, at, 0);
}

function see(tracklet: Tracklet, at: Float64Array, misses = 0, isReplayed = false): void {
  for (let i = 0; i <= misses; i++) tracklet.predict(STEP_MS);
  tracklet.update(frameOf('a', 2), DETECTION, at, 0, isReplayed);
}

describe('foresight', () => {
  /** Belief in going on after one lesson: it was detected `away` from both guesses in turn. */
  function shareAfter(going: Float64Array, staying: Float64Array, seen: Float64Array): number {
    const foresight = new Foresight();
    foresight.learn(going, staying, seen, 0, STEP_MS);
    return foresight.share;
  }

  test('an error counts alike in both directions and at every size of the picture', () => {
    const seen = box(0.4, 0.4);
    const sideways = shareAfter(box(0.45, 0.4), seen, seen);
    expect(sideways).toBeLessThan(0.5);
    expect(shareAfter(box(0.4, 0.45), seen, seen)).toBeCloseTo(sideways, 12);
    const far = box(0.4, 0.4, 0.01, 0.03);
    expect(shareAfter(box(0.405, 0.4, 0.01, 0.03), far, far)).toBeCloseTo(sideways, 12);
  });

  test('what was long ago is forgotten of both guesses, what was just now is not', () => {
    const foresight = new Foresight();
    const here = box(0.4, 0.4);
    const there = box(0.7, 0.4);
    for (let i = 0; i < 50; i++) foresight.learn(here, there, here, 0, 200);
    expect(foresight.share).toBeGreaterThan(0.99);
    for (let i = 0; i < 15; i++) foresight.learn(there, here, here, 0, 200);
    expect(foresight.share).toBeLessThan(0.05);
    foresight.learn(here, here, here, 0, 200);
    expect(foresight.share).toBeLessThan(0.05);
    for (let i = 0; i < 15; i++) foresight.learn(here, there, here, 0, 200);
    expect(foresight.share).toBeGreaterThan(0.95);
  });

  test('a tracklet learns from frame to frame, and nothing from a gap', () => {
    const tracklet = born(box(0.2, 0.4));
    for (let i = 1; i <= 20; i++) see(tracklet, box(0.2 + i * 0.02, 0.4));
    const walking = tracklet.foresight.share;
    see(tracklet, box(0.4, 0.4), 3);
    expect(tracklet.foresight.share).toBe(walking);
    see(tracklet, box(0.4, 0.4));
    see(tracklet, box(0.4, 0.4));
    expect(tracklet.foresight.share).toBeLessThan(walking);
  });
});

describe('expected size', () => {
  const size = ({ expected }: Tracklet): [number, number] => [
    expected[2]! - expected[0]!,
    expected[3]! - expected[1]!,
  ];

  test('who stoops is expected as tall as seen last', () => {
    const tracklet = born(box(0.4, 0.4));
    for (let i = 0; i < 20; i++) see(tracklet, box(0.4, 0.4));
    see(tracklet, box(0.4, 0.5, 0.1, 0.2));
    expect(size(tracklet)[1]).toBeCloseTo(0.2, 9);
  });

  test('who comes nearer is expected larger than seen last, and unseen grows no further', () => {
    const grown = (i: number): Float64Array => box(0.4, 0.4, 0.1 * 1.02 ** i, 0.3 * 1.02 ** i);
    const tracklet = born(grown(0));
    for (let i = 1; i <= 40; i++) see(tracklet, grown(i));
    const [width, height] = size(tracklet);
    tracklet.predict(STEP_MS);
    const [nextWidth, nextHeight] = size(tracklet);
    expect(nextWidth / width).toBeGreaterThan(1.005);
    expect(nextHeight / height).toBeGreaterThan(1.005);
    for (let i = 0; i < 20; i++) tracklet.predict(STEP_MS);
    expect(size(tracklet)[1]).toBeCloseTo(nextHeight, 9);
  });
});

test('a turning camera moves where it was seen, its way so far, and what a replay begins with', () => {
  const tracklet = born(box(0.4, 0.4));
  for (let i = 0; i < 20; i++) see(tracklet, box(0.4, 0.4));
  const shift: Affine = [1, 0, 0.1, 0, 1, 0];
  const moved = (0.1 * 1280) / 720;
  tracklet.follow(shift);
  expect(tracklet.observed[0]).toBeCloseTo(0.4 + moved, 9);
  const before = new Float64Array(2);
  tracklet.observations.centreBefore(80, before);
  expect(before[0]).toBeCloseTo(0.45 + moved, 9);
  see(tracklet, box(0.4 + moved, 0.4), 2, true);
  expect(tracklet.snapshot().velocity[0]).toBeCloseTo(0, 6);
});
