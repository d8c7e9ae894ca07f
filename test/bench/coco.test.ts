// Reading COCO annotations: real ones with their crowds against pycocotools, and what is said of broken ones.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { averagePrecision, type FoundBox } from '../../bench/detect/average-precision.ts';
import { sharedLabels } from '../../bench/detect/score-set.ts';
import { readCoco, readJson } from '../../bench/detect/truth.ts';
import { benchModel } from '../../bench/models.ts';
import { needsShared, shared } from '../shared.ts';

/** pycocotools 2.0.11 on the same annotations and detections: means over 80 labels, and persons by size. */
const REFERENCE = {
  yolox_nano_416: {
    mean: { ap: 0.28729235584293494, ap50: 0.43316707557130363 },
    person50: [0.6928194094322782, 0.5034426061194315, 0.7534106794890759, 0.8985330971618262],
  },
  nanodet_m_320: {
    mean: { ap: 0.24044565636311088, ap50: 0.39518548738149234 },
    person50: [0.5671059349623707, 0.36448273262716613, 0.5840905336581553, 0.857729218310827],
  },
};
type Row = readonly [image: number, at: number, score: number, ...corners: number[]];

describe.skipIf(needsShared('COCO annotations'))('80 pictures of COCO', () => {
  it.each(Object.entries(REFERENCE))('%s scores as with pycocotools', (model, expected) => {
    const folder = shared('images/coco_val80');
    const set = readCoco(join(folder, 'annotations.json'), join(folder, 'images'));
    const { categories, images } = readJson(join(folder, 'annotations.json')) as {
      categories: { name: string }[];
      images: { id: number }[];
    };
    const { dets } = readJson(join(folder, `refdets_${model}.json`)) as { dets: Row[] };
    const found = dets.map(([image, at, score, x1, y1, x2, y2]) => ({
      image,
      label: categories[at]!.name,
      score,
      box: [x1!, y1!, x2! - x1!, y2! - y1!] as FoundBox['box'],
    }));
    // Where scores tie, pycocotools goes by the pictures' ids.
    const order = set.pictures
      .map(({ truth }, i) => ({ truth, id: images[i]!.id }))
      .sort((a, b) => a.id - b.id);
    const figures = categories.map(({ name }) =>
      averagePrecision(
        order.map(({ truth, id }) => ({
          truth: truth.filter(({ label }) => label === name),
          found: found.filter(({ label, image }) => label === name && image === id),
        })),
      ),
    );
    const scored = figures.filter(({ all }) => all.ap !== null);
    for (const key of ['ap', 'ap50'] as const) {
      const mean = scored.reduce((sum, { all }) => sum + all[key]!, 0) / scored.length;
      expect(Math.abs(mean - expected.mean[key])).toBeLessThan(1e-6);
    }
    const { all, small, medium, large } = figures[0]!;
    [all, small, medium, large].forEach(({ ap50 }, i) => {
      expect(Math.abs(ap50! - expected.person50[i]!)).toBeLessThan(1e-6);
    });
  });
});

describe('annotations that are wrong', () => {
  let folder = '';
  const good = {
    images: [{ id: 1, file_name: 'train/a.jpg', width: 8, height: 8 }],
    categories: [{ id: 3, name: 'vehicle' }],
    annotations: [{ image_id: 1, category_id: 3, bbox: [0, 0, 4, 4] }],
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vedette-coco-'));
    mkdirSync(join(folder, 'images'));
    writeFileSync(join(folder, 'images/a.jpg'), '');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (text: string, merged: [string, string[]][] = []) => {
    writeFileSync(join(folder, 'coco.json'), text);
    return readCoco(join(folder, 'coco.json'), join(folder, 'images'), new Map(merged));
  };

  it('are read when they are right, the area of the box standing in for a missing one', () => {
    const [picture] = read(JSON.stringify(good)).pictures;
    expect(picture!.file).toBe(join(folder, 'images/a.jpg'));
    expect(picture!.truth).toEqual([
      { label: 'vehicle', box: [0, 0, 4, 4], areaPx: 16, isCrowd: false },
    ]);
  });

  it.each([
    ['{ "images": [', 'broken JSON'],
    [{ ...good, images: undefined }, 'images'],
    [{ ...good, images: [] }, 'no picture'],
    [{ ...good, annotations: [{ image_id: 1, category_id: 3, bbox: [0, 0, 4] }] }, 'annotations.0'],
    [{ ...good, annotations: [{ image_id: 2, category_id: 3, bbox: [0, 0, 4, 4] }] }, 'image_id 2'],
    [{ ...good, categories: [] }, 'category_id 3'],
    [{ ...good, images: [{ id: 1, file_name: 'b.jpg' }] }, 'names b.jpg, which is not in'],
  ])('%j is refused with its place', (annotations, text) => {
    const json = typeof annotations === 'string' ? annotations : JSON.stringify(annotations);
    expect(() => read(json)).toThrow(text);
  });

  it('say which labels can be joined when the model has none of them', () => {
    const models = [benchModel(undefined)];
    expect(() => sharedLabels(read(JSON.stringify(good)), models)).toThrow('--map vehicle=');
    const merged = read(JSON.stringify(good), [['vehicle', ['car', 'truck']]]);
    expect(sharedLabels(merged, models)).toEqual({ labels: ['vehicle'], unscored: [] });
    const strange = read(JSON.stringify(good), [['vehicle', ['car', 'tram']]]);
    expect(() => sharedLabels(strange, models)).toThrow('does not tell tram');
    const absent = read(JSON.stringify(good), [['wheels', ['car']]]);
    expect(() => sharedLabels(absent, models)).toThrow('no object of');
  });
});
