import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Box, WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import type { Track } from '../../src/contracts/track.ts';
import { isCut, Regions, regionAround } from '../../src/pipeline/region.ts';

import { frameOf } from '../fakes/frames.ts';

const INPUT = { widthPx: 416, heightPx: 416 };
const UHD = { widthPx: 3840, heightPx: 2160 };

const boxes = fc.array(
  fc
    .tuple(
      fc.double({ min: 0, max: 0.98, noNaN: true }),
      fc.double({ min: 0, max: 0.98, noNaN: true }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
      fc.double({ min: 0.001, max: 1, noNaN: true }),
    )
    .map(([x, y, w, h]): Box => [x, y, Math.min(w, 1 - x), Math.min(h, 1 - y)]),
  { maxLength: 8 },
);
const sizes = fc.record({
  widthPx: fc.integer({ min: 64, max: 4096 }),
  heightPx: fc.integer({ min: 64, max: 4096 }),
});

describe('regionAround', () => {
  it('shows a small thing in a large picture pixel by pixel', () => {
    const region = regionAround([[0.5, 0.5, 0.01, 0.02]], UHD, INPUT)!;
    expect(region[2] * UHD.widthPx).toBeCloseTo(416);
    expect(region[3] * UHD.heightPx).toBeCloseTo(416);
  });

  it('leaves the whole frame where things move all over it, or it is small', () => {
    expect(
      regionAround(
        [
          [0, 0, 0.1, 0.1],
          [0.9, 0.9, 0.1, 0.1],
        ],
        UHD,
        INPUT,
      ),
    ).toBeUndefined();
    expect(regionAround([[0.5, 0.5, 0.01, 0.02]], { widthPx: 600, heightPx: 360 }, INPUT)).toBe(
      undefined,
    );
    expect(regionAround([], UHD, INPUT)).toBeUndefined();
  });

  it('holds every box, lies in the frame, and shows it larger than the whole frame does', () => {
    fc.assert(
      fc.property(boxes, sizes, sizes, (some, frame, input) => {
        const region = regionAround(some, frame, input);
        if (region === undefined) return;
        const [x, y, w, h] = region;
        const slack = 1e-9;
        expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
        expect(Math.max(x + w, y + h)).toBeLessThanOrEqual(1 + slack);
        for (const box of some) {
          expect(box[0]).toBeGreaterThanOrEqual(x - slack);
          expect(box[1]).toBeGreaterThanOrEqual(y - slack);
          expect(box[0] + box[2]).toBeLessThanOrEqual(x + w + slack);
          expect(box[1] + box[3]).toBeLessThanOrEqual(y + h + slack);
        }
        const scale = (part: number, whole: number): number =>
          Math.min(
            input.widthPx / (part * frame.widthPx),
            input.heightPx / (whole * frame.heightPx),
          );
        expect(scale(w, h) / scale(1, 1)).toBeGreaterThan(1.49);
      }),
      { numRuns: 500 },
    );
  });
});

describe('Regions', () => {
  const frameAt = (ms: number, motionBoxes?: readonly Box[]) =>
    frameOf('a', ms, { ptsNs: ms * 1e6, ...UHD, ...(motionBoxes && { motionBoxes }) });
  const MOVING: readonly Box[] = [[0.5, 0.5, 0.01, 0.02]];

  it('are taken between whole frames a second apart', () => {
    const regions = new Regions(INPUT);
    const chosen = [0, 200, 400, 600, 800, 1000, 1200].map(
      (ms) => regions.choose(frameAt(ms, MOVING)) === WHOLE_FRAME,
    );
    expect(chosen).toEqual([true, false, false, false, false, true, false]);
  });

  it('are never taken where motion is not measured or there is none', () => {
    const regions = new Regions(INPUT);
    regions.choose(frameAt(0));
    expect(regions.choose(frameAt(200))).toBe(WHOLE_FRAME);
    expect(regions.choose(frameAt(400, []))).toBe(WHOLE_FRAME);
  });

  it('hold tracks in doubt, and leave parked ones out', () => {
    const regions = new Regions(INPUT);
    regions.choose(frameAt(0, MOVING));
    const track = { phase: 'confirmed', velocity: [0, 0], box: [0.6, 0.5, 0.01, 0.02] } as const;
    const widthWith = (one: object): number => {
      regions.attend({ frame: frameAt(0), tracks: [one as Track], ended: [] });
      return regions.choose(frameAt(200, MOVING))[2];
    };
    const alone = widthWith(track);
    expect(widthWith({ ...track, phase: 'lost' })).toBeGreaterThan(alone);
    expect(widthWith({ ...track, velocity: [0.1, 0] })).toBeGreaterThan(alone);
  });
});

describe('isCut', () => {
  it('knows the edges of the region from those of the frame', () => {
    const region: Box = [0.5, 0, 0.5, 0.5];
    expect(isCut([0.6, 0, 0.1, 0.1], region)).toBe(false);
    expect(isCut([0.9, 0.1, 0.1, 0.1], region)).toBe(false);
    expect(isCut([0.5, 0.1, 0.1, 0.1], region)).toBe(true);
    expect(isCut([0.6, 0.4, 0.1, 0.1], region)).toBe(true);
  });
});
