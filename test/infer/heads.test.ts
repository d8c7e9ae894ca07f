import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { toDetections } from '../../src/infer/detections.ts';
import type { Candidate } from '../../src/infer/heads/head.ts';
import { vedetteHead } from '../../src/infer/heads/vedette.ts';
import { yoloxHead } from '../../src/infer/heads/yolox.ts';
import { suppress } from '../../src/infer/nms.ts';
import { readYolox } from '../oracle/yolox-reference.ts';

const manifest: ModelManifest = {
  name: 'test',
  version: '1',
  licence: 'Apache-2.0',
  path: '/none',
  sha256: '',
  head: 'yolox',
  input: {
    name: 'images',
    widthPx: 64,
    heightPx: 64,
    layout: 'planar',
    order: 'rgb',
    dtype: 'float32',
    fit: 'corner',
    pad: 114,
    mean: [0, 0, 0],
    scale: [1, 1, 1],
  },
  labels: ['person', 'car', 'dog'],
  minScore: 0.3,
  nmsIou: 0.5,
  maxBatch: 4,
};
const ANCHORS = 8 * 8 + 4 * 4 + 2 * 2;
const VALUES = 5 + manifest.labels.length;

const seed = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** Deterministic noise in 0..1. */
function noise(start: number): () => number {
  let state = start;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

describe('yolox head', () => {
  it('agrees with an independent reading of the same tensor, in every batch position', () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 0, max: 3 }), (start, slot) => {
        const random = noise(start);
        const data = Float32Array.from({ length: 4 * ANCHORS * VALUES }, (_, i) =>
          i % VALUES < 4 ? random() * 2 - 0.5 : random(),
        );
        const output = {
          name: 'output',
          dtype: 'float32' as const,
          shape: [4, ANCHORS, VALUES],
          data,
        };
        const ours = suppress(yoloxHead.decode([output], slot, 0.5, manifest), 0.5);
        const slice = data.subarray(slot * ANCHORS * VALUES, (slot + 1) * ANCHORS * VALUES);
        const theirs = readYolox(slice, 3, 64, 0.5, 0.5);
        expect(ours.length).toBe(theirs.length);
        ours.forEach((box, i) => {
          const other = theirs[i]!;
          expect(box.classIndex).toBe(other.classIndex);
          expect(box.score).toBeCloseTo(other.score, 5);
          expect(box.x).toBeCloseTo(other.x1, 3);
          expect(box.y + box.h).toBeCloseTo(other.y2, 3);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('refuses tensors that are not those of its family', () => {
    const output = (shape: (number | string)[]) => [
      { name: 'o', dtype: 'float32' as const, shape },
    ];
    expect(yoloxHead.refuses(manifest, output(['batch', ANCHORS, VALUES]))).toBeUndefined();
    expect(yoloxHead.refuses(manifest, output(['batch', ANCHORS + 1, VALUES]))).toContain(
      'anchors',
    );
    expect(yoloxHead.refuses(manifest, output(['batch', ANCHORS, VALUES + 1]))).toContain('labels');
    expect(yoloxHead.refuses(manifest, [])).toContain('0 outputs');
  });
});

describe('vedette head', () => {
  it('finds of each anchor the best class, where that is enough, in every batch position', () => {
    const anchors = 12;
    const classes = 3;
    const share = fc.float({ min: 0, max: 1, noNaN: true });
    const scores = fc.array(share, {
      minLength: 2 * anchors * classes,
      maxLength: 2 * anchors * classes,
    });
    fc.assert(
      fc.property(scores, share, fc.integer({ min: 0, max: 1 }), (values, minScore, slot) => {
        const boxes = Float32Array.from(
          { length: 2 * anchors * 4 },
          (_, i) => i + (i % 4 > 1 ? 9 : 0),
        );
        const view = { dtype: 'float32' as const };
        const outputs = [
          { ...view, name: 'boxes', shape: [2, anchors, 4], data: boxes },
          {
            ...view,
            name: 'scores',
            shape: [2, anchors, classes],
            data: Float32Array.from(values),
          },
        ];
        const expected = Array.from({ length: anchors }, (_, anchor) => {
          const at = slot * anchors + anchor;
          const own = values.slice(at * classes, (at + 1) * classes);
          const score = Math.max(...own);
          const box = { x: at * 4, y: at * 4 + 1, w: 11, h: 11 };
          return { ...box, score, classIndex: own.indexOf(score) };
        }).filter(({ score }) => score >= minScore);
        expect(vedetteHead.decode(outputs, slot, minScore, manifest)).toEqual(expected);
      }),
    );
  });

  it('reads corners and the best class of each anchor', () => {
    const scores = {
      name: 'scores',
      dtype: 'float32' as const,
      shape: [2, 2, 3],
      data: new Float32Array(12),
    };
    const boxes = {
      name: 'boxes',
      dtype: 'float32' as const,
      shape: [2, 2, 4],
      data: new Float32Array(16),
    };
    scores.data.set([0.1, 0.7, 0.2, 0.1, 0.1, 0.1], 6);
    boxes.data.set([10, 20, 40, 60], 8);
    const found = vedetteHead.decode([scores, boxes], 1, 0.5, manifest);
    expect(found).toEqual([
      { x: 10, y: 20, w: 30, h: 40, score: expect.closeTo(0.7, 5), classIndex: 1 },
    ]);
    expect(vedetteHead.decode([scores, boxes], 0, 0.5, manifest)).toEqual([]);
  });
});

const candidate = fc.record({
  x: fc.double({ min: 0, max: 50, noNaN: true }),
  y: fc.double({ min: 0, max: 50, noNaN: true }),
  w: fc.double({ min: 1, max: 30, noNaN: true }),
  h: fc.double({ min: 1, max: 30, noNaN: true }),
  score: fc.double({ min: 0, max: 1, noNaN: true }),
  classIndex: fc.integer({ min: 0, max: 2 }),
});

function overlap(a: Candidate, b: Candidate): number {
  const w = Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x));
  const h = Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));
  return (w * h) / (a.w * a.h + b.w * b.h - w * h);
}

describe('suppress', () => {
  it('keeps a set in which no two of one class overlap, and every dropped box is covered by a stronger kept one', () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 60 }), (candidates) => {
        const kept = suppress(candidates, 0.5);
        for (const a of kept) {
          for (const b of kept) {
            if (a !== b && a.classIndex === b.classIndex)
              expect(overlap(a, b)).toBeLessThanOrEqual(0.5);
          }
        }
        for (const dropped of candidates.filter((c) => !kept.includes(c))) {
          const isCovered = kept.some(
            (k) =>
              k.classIndex === dropped.classIndex &&
              k.score >= dropped.score &&
              overlap(k, dropped) > 0.5,
          );
          expect(isCovered).toBe(true);
        }
      }),
    );
  });

  it('takes two classes in the same place for one object when asked to', () => {
    const car = { x: 10, y: 10, w: 20, h: 10, score: 0.8, classIndex: 1 };
    const truck = { ...car, w: 21, score: 0.7, classIndex: 2 };
    const person = { x: 12, y: 6, w: 6, h: 14, score: 0.6, classIndex: 0 };
    expect(suppress([truck, car, person], 0.5, 0.8)).toEqual([car, person]);
    expect(suppress([truck, car, person], 0.5)).toHaveLength(3);
  });

  it('drops what is no box', () => {
    const good = { x: 0, y: 0, w: 5, h: 5, score: 0.5, classIndex: 0 };
    const bad = [
      { ...good, w: Number.NaN },
      { ...good, h: -1 },
      { ...good, x: Infinity },
    ];
    expect(suppress([...bad, good], 0.5)).toEqual([good]);
  });
});

describe('toDetections', () => {
  it('undoes crop and letterbox', () => {
    const fraction = fc.double({ min: 0.05, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(fraction, fraction, fraction, fraction, (cropX, cropY, bx, by) => {
        const rectangle = [cropX, cropY, 1 - cropX, 1 - cropY] as const;
        const placement = { x: 3, y: 7, w: 50, h: 40 };
        const box = { x: bx, y: by, w: (1 - bx) / 2, h: (1 - by) / 2 };
        const printed = {
          x: placement.x + box.x * placement.w,
          y: placement.y + box.y * placement.h,
          w: box.w * placement.w,
          h: box.h * placement.h,
          score: 0.9,
          classIndex: 1,
        };
        const [detection] = toDetections([printed], placement, rectangle, manifest);
        expect(detection!.label).toBe('car');
        expect(detection!.box[0]).toBeCloseTo(cropX + box.x * rectangle[2], 9);
        expect(detection!.box[1]).toBeCloseTo(cropY + box.y * rectangle[3], 9);
        expect(detection!.box[2]).toBeCloseTo(box.w * rectangle[2], 9);
      }),
    );
  });

  it('cuts at the frame and drops what lies in the bars or has no label', () => {
    const placement = { x: 0, y: 0, w: 64, h: 32 };
    const at = (y: number, classIndex = 0) => ({ x: -4, y, w: 20, h: 10, score: 0.5, classIndex });
    const found = toDetections([at(0), at(40), at(0, 7)], placement, [0, 0, 1, 1], manifest);
    expect(found).toHaveLength(1);
    expect(found[0]!.box).toEqual([0, 0, 0.25, 0.3125]);
  });
});
