// Drawing on stills: boxes with captions, and many stills on one contact sheet.
import sharp from 'sharp';
import type { Box } from '../contracts/geometry.ts';

export interface Marking {
  readonly box: Box;
  readonly caption: string;
  /** As CSS says it. */
  readonly colour: string;
}

/** Hues that stay apart on video: the golden angle spreads neighbouring keys over the circle. */
const GOLDEN_ANGLE = 137.508;

/** One colour for one object on all its stills. */
export function colourOf(trackId: number): string {
  return `hsl(${(trackId * GOLDEN_ANGLE) % 360}, 90%, 55%)`;
}

/** A copy of `jpeg` with boxes and captions; text needs a font on the machine, boxes do not. */
export async function drawOn(jpeg: Uint8Array, markings: readonly Marking[]): Promise<Buffer> {
  const picture = sharp(jpeg);
  const { width = 1, height = 1 } = await picture.metadata();
  const overlay = Buffer.from(overlaySvg(markings, width, height));
  return picture
    .composite([{ input: overlay, left: 0, top: 0 }])
    .jpeg({ quality: 85 })
    .toBuffer();
}

/** The object with as much of its surroundings as tells where it is: three times its size, at least a quarter of the picture. */
export async function cropAround(jpeg: Uint8Array, box: Box): Promise<Buffer> {
  const picture = sharp(jpeg);
  const { width: w = 1, height: h = 1 } = await picture.metadata();
  const side = Math.max(box[2] * w, box[3] * h) * 3;
  const width = Math.round(Math.min(w, Math.max(side * (4 / 3), w / 4)));
  const height = Math.round(Math.min(h, width * 0.75));
  const left = between(0, Math.round((box[0] + box[2] / 2) * w - width / 2), w - width);
  const top = between(0, Math.round((box[1] + box[3] / 2) * h - height / 2), h - height);
  return picture.extract({ left, top, width, height }).toBuffer();
}

/** Lays `stills` out in rows of equal cells, in their order. */
export async function contactSheet(
  stills: readonly Uint8Array[],
  columns: number = Math.max(1, Math.ceil(Math.sqrt(stills.length))),
  cell: { widthPx: number; heightPx: number } = { widthPx: 384, heightPx: 288 },
): Promise<Buffer> {
  const { widthPx, heightPx } = cell;
  const rows = Math.max(1, Math.ceil(stills.length / columns));
  const inputs = await Promise.all(
    stills.map(async (still, i) => ({
      input: await sharp(still)
        .resize(widthPx - 4, heightPx - 4, { fit: 'contain', background: '#181818' })
        .toBuffer(),
      left: (i % columns) * widthPx + 2,
      top: Math.floor(i / columns) * heightPx + 2,
    })),
  );
  return sharp({
    create: {
      width: columns * widthPx,
      height: rows * heightPx,
      channels: 3,
      background: '#181818',
    },
  })
    .composite(inputs)
    .jpeg({ quality: 85 })
    .toBuffer();
}

function between(least: number, value: number, most: number): number {
  return Math.min(Math.max(least, value), most);
}

function overlaySvg(markings: readonly Marking[], width: number, height: number): string {
  const size = Math.max(12, Math.round(height / 40));
  const shapes = markings.map(({ box, caption, colour }) => {
    const [x, y, w, h] = [box[0] * width, box[1] * height, box[2] * width, box[3] * height];
    const labelY = y >= size * 1.4 ? y - size * 1.4 : y;
    const labelW = caption.length * size * 0.62 + 8;
    return `
      <rect x="${x}" y="${y}" width="${w}" height="${h}" fill="none" stroke="${colour}" stroke-width="${size / 7}"/>
      <rect x="${x}" y="${labelY}" width="${labelW}" height="${size * 1.4}" fill="${colour}"/>
      <text x="${x + 4}" y="${labelY + size * 1.05}" font-family="DejaVu Sans Mono, monospace"
        font-size="${size}" fill="#101010">${escapeXml(caption)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join('')}</svg>`;
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
