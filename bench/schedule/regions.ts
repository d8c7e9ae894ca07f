// What regions find: each labelled object of a set of pictures in turn is taken to be the one that moves.

import type { Box } from '../../src/contracts/geometry.ts';
import { iou } from '../../src/contracts/geometry.ts';
import { regionAround } from '../../src/pipeline/region.ts';
import { Detector } from '../detect/detector.ts';
import { decodePicture } from '../detect/pictures.ts';
import type { TruthPicture, TruthSet } from '../detect/truth.ts';
import { benchModel } from '../models.ts';

/** A find: right label, from this score on, with this overlap. */
const LEAST_SCORE = 0.35;
const LEAST_IOU = 0.5;
/** Side of an object in the whole frame as the model sees it, in pixels: the root of its area. */
const SIDES = [8, 16, 32, Number.POSITIVE_INFINITY];

interface Tally {
  objects: number;
  whole: number;
  region: number;
  /** All objects found by one inference, summed. */
  allWhole: number;
  allRegion: number;
}

/** Rows of a Markdown table, by model, set and size. */
export async function regionRows(
  models: readonly string[],
  sets: readonly TruthSet[],
): Promise<string[]> {
  const rows: string[] = [];
  for (const name of models) {
    const detector = await Detector.open(benchModel(name));
    for (const set of sets) {
      const tallies = await tally(detector, set);
      tallies.forEach((one, i) => {
        if (one.objects === 0) return;
        const size = i === SIDES.length - 1 ? `from ${SIDES[i - 1]}` : `below ${SIDES[i]}`;
        const per = (count: number): string => (count / one.objects).toFixed(2);
        const cells = [name, set.name, size, one.objects, per(one.whole), per(one.region)];
        rows.push(`| ${[...cells, per(one.allWhole), per(one.allRegion)].join(' | ')} |`);
      });
    }
    await detector.close();
  }
  return rows;
}

async function tally(detector: Detector, set: TruthSet): Promise<Tally[]> {
  const tallies = SIDES.map(() => ({ objects: 0, whole: 0, region: 0, allWhole: 0, allRegion: 0 }));
  for (const picture of set.pictures) {
    const pixels = await decodePicture(picture);
    const { input } = detector.manifest;
    const objects = objectsOf(picture, pixels);
    const foundIn = async (rectangle: Box | undefined): Promise<boolean[]> => {
      const found = await detector.detect(pixels, LEAST_SCORE, rectangle);
      return objects.map(({ box, label }) =>
        found.some((one) => isOf(one.label, label, set) && iou(one.box, box) > LEAST_IOU),
      );
    };
    const whole = await foundIn(undefined);
    for (const [i, { box }] of objects.entries()) {
      const region = regionAround([box], pixels, input);
      if (region === undefined) continue;
      const part = await foundIn(region);
      const scale = Math.min(input.widthPx / pixels.widthPx, input.heightPx / pixels.heightPx);
      const side = Math.sqrt(box[2] * pixels.widthPx * box[3] * pixels.heightPx) * scale;
      const one = tallies[SIDES.findIndex((limit) => side < limit)]!;
      one.objects += 1;
      one.whole += Number(whole[i]);
      one.region += Number(part[i]);
      one.allWhole += whole.filter(Boolean).length;
      one.allRegion += part.filter(Boolean).length;
    }
  }
  return tallies;
}

function objectsOf(
  { truth }: TruthPicture,
  { widthPx, heightPx }: { widthPx: number; heightPx: number },
): { box: Box; label: string }[] {
  return truth
    .filter(({ isCrowd }) => !isCrowd)
    .map(({ label, box: [x, y, w, h] }) => ({
      label,
      box: [x / widthPx, y / heightPx, w / widthPx, h / heightPx] as const,
    }));
}

function isOf(found: string, label: string, { merged }: TruthSet): boolean {
  return found === label || (merged.get(label)?.includes(found) ?? false);
}
