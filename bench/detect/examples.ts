// The picture of models/README.md: the marked frames with the most errors, and what is right and wrong in them.
import { writeFileSync } from 'node:fs';
import sharp from 'sharp';
import type { Box } from '../../src/contracts/geometry.ts';
import { contactSheet, drawOn, type Marking } from '../../src/pipeline/still-drawing.ts';
import type { ClipVerdicts } from './clip.ts';
import { type Clip, framesOf } from './pictures.ts';

const COLUMNS = 3;
const FRAMES = 9;
const CELL = { widthPx: 480, heightPx: 360 };
const COLOURS = { right: '#4be04b', wrong: '#ff4040', missed: '#ffc400' };

/** Writes a JPEG of the frames, worst first: right boxes with their score, wrong ones, and objects without a box. */
export async function drawExamples(
  path: string,
  clip: Clip,
  verdicts: ClipVerdicts,
): Promise<void> {
  const errors = (number: number): number =>
    verdicts.get(number)!.wrong.length + verdicts.get(number)!.missed.length;
  const numbers = [...verdicts.keys()].sort((a, b) => errors(b) - errors(a) || a - b);
  const worst = numbers.slice(0, FRAMES);
  const drawn = new Map<number, Buffer>();
  let number = 0;
  for await (const { data } of framesOf(clip, Math.max(...worst) + 1, 'RGB')) {
    if (worst.includes(number)) drawn.set(number, await drawFrame(data, clip, verdicts, number));
    number++;
  }
  const cells = worst.flatMap((one) => drawn.get(one) ?? []);
  writeFileSync(path, await contactSheet(cells, COLUMNS, CELL));
}

async function drawFrame(
  rgb: Uint8Array,
  { widthPx, heightPx }: Clip,
  verdicts: ClipVerdicts,
  number: number,
): Promise<Buffer> {
  const { right, wrong, missed } = verdicts.get(number)!;
  const marking = (kind: keyof typeof COLOURS, box: Box, caption: string): Marking => ({
    box: [box[0] / widthPx, box[1] / heightPx, box[2] / widthPx, box[3] / heightPx],
    caption,
    colour: COLOURS[kind],
  });
  const markings = [
    ...right.map(({ box, score }) => marking('right', box, `${Math.round(100 * score)}`)),
    ...missed.map(({ box }) => marking('missed', box, 'missed')),
    ...wrong.map(({ box }) => marking('wrong', box, 'wrong')),
  ];
  const raw = { width: widthPx, height: heightPx, channels: 3 as const };
  return drawOn(await sharp(rgb, { raw }).jpeg({ quality: 95 }).toBuffer(), markings);
}
