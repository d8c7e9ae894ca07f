// The scorer of `bench:detect` against figures of pycocotools; golden/average-precision/make.py made them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  averagePrecision,
  judgeFinds,
  type PixelBox,
  type SizeName,
} from '../../bench/detect/average-precision.ts';

interface Case {
  readonly name: string;
  readonly truth: {
    readonly images: readonly { readonly id: number }[];
    readonly categories: readonly { readonly id: number; readonly name: string }[];
    readonly annotations: readonly {
      readonly image_id: number;
      readonly category_id: number;
      readonly bbox: PixelBox;
      readonly area: number;
      readonly iscrowd: number;
    }[];
  };
  readonly found: readonly {
    readonly image_id: number;
    readonly category_id: number;
    readonly bbox: PixelBox;
    readonly score: number;
  }[];
  readonly expected: Readonly<
    Record<string, Record<SizeName, { readonly ap50: number | null; readonly ap: number | null }>>
  >;
}

const path = join(import.meta.dirname, '../golden/average-precision/cases.json');
const cases: readonly Case[] = JSON.parse(readFileSync(path, 'utf8'));

describe.each(cases)('pycocotools: $name', ({ truth, found, expected }) => {
  it.each(truth.categories)('$name', ({ id, name }) => {
    const mine = <T extends { readonly image_id: number; readonly category_id: number }>(
      rows: readonly T[],
      image: number,
    ): T[] => rows.filter((row) => row.image_id === image && row.category_id === id);
    const result = averagePrecision(
      truth.images.map((image) => ({
        truth: mine(truth.annotations, image.id).map(({ bbox, area, iscrowd }) => ({
          label: name,
          box: bbox,
          areaPx: area,
          isCrowd: iscrowd === 1,
        })),
        found: mine(found, image.id).map(({ bbox, score }) => ({ label: name, box: bbox, score })),
      })),
    );
    for (const [size, figures] of Object.entries(expected[name]!)) {
      const ours = result[size as SizeName];
      for (const key of ['ap50', 'ap'] as const) {
        if (figures[key] === null) expect(ours[key], `${size} ${key}`).toBeNull();
        else expect(Math.abs(ours[key]! - figures[key]), `${size} ${key}`).toBeLessThan(1e-6);
      }
    }
  });
});

describe('judgeFinds', () => {
  const person = (box: PixelBox, isCrowd = false) => ({
    label: 'person',
    box,
    areaPx: box[2] * box[3],
    isCrowd,
  });
  const find = (box: PixelBox, score = 0.9) => ({ label: 'person', box, score });

  it('takes an object once, nothing in a region that is ignored, and names what is missed', () => {
    const truth = [
      person([0, 0, 10, 20]),
      person([100, 0, 50, 50], true),
      person([300, 0, 10, 20]),
    ];
    const found = [
      find([0, 0, 10, 19]),
      find([1, 0, 10, 20], 0.8),
      find([110, 10, 10, 20]),
      find([120, 10, 10, 20]),
    ];
    expect(judgeFinds({ truth, found }, 0.5)).toEqual({
      right: [found[0]],
      wrong: [found[1]],
      missed: [truth[2]],
    });
  });
});
