// Printing through the addon: against arithmetic written here, and against sharp's area filter on a smooth picture.
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import type { Box } from '../../src/contracts/geometry.ts';
import { type Placement, type PrintFormat, printedBytes } from '../../src/contracts/ticket.ts';
import { Arena } from '../../src/native/arena.ts';
import {
  type PixelSource,
  printKernels,
  printPixels,
  setPrintKernel,
} from '../../src/native/print.ts';

const arena = Arena.create(1 << 23);
const offset = arena.reserve(1 << 22);

const plain: PrintFormat = {
  widthPx: 64,
  heightPx: 64,
  layout: 'interleaved',
  order: 'rgb',
  dtype: 'uint8',
  fit: 'stretch',
  pad: 114,
  mean: [0, 0, 0],
  scale: [1, 1, 1],
};

afterEach(() => setPrintKernel(printKernels().at(-1)!));

/** Soft waves in three colours: no detail that two fair filters could disagree about. */
function waves(widthPx: number, heightPx: number): Uint8Array {
  const data = new Uint8Array(widthPx * heightPx * 3);
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) {
      const at = (y * widthPx + x) * 3;
      data[at] = 128 + 100 * Math.sin(x / 40) * Math.cos(y / 55);
      data[at + 1] = 128 + 100 * Math.cos(x / 63 + y / 47);
      data[at + 2] = (255 * (x + y)) / (widthPx + heightPx);
    }
  }
  return data;
}

function print(
  source: PixelSource,
  format: PrintFormat,
  rectangle: Box = [0, 0, 1, 1],
): { placement: Placement; bytes: Uint8Array } {
  const placement = printPixels(source, rectangle, format, arena, offset);
  return { placement, bytes: arena.view(offset, printedBytes(format)).slice() };
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i += 1) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

function rgb(widthPx: number, heightPx: number): PixelSource {
  return { data: waves(widthPx, heightPx), pixelFormat: 'RGB', widthPx, heightPx };
}

/** Limited-range BT.601 planes of one colour. */
function flatI420(
  widthPx: number,
  heightPx: number,
  [y, u, v]: readonly [number, number, number],
): PixelSource {
  const luma = widthPx * heightPx;
  const chroma = Math.ceil(widthPx / 2) * Math.ceil(heightPx / 2);
  const data = new Uint8Array(luma + 2 * chroma);
  data
    .fill(y, 0, luma)
    .fill(u, luma, luma + chroma)
    .fill(v, luma + chroma);
  return { data, pixelFormat: 'I420', widthPx, heightPx, matrix: 'bt601' };
}

describe.each(printKernels())('kernel %s', (kernel) => {
  test.each([
    [3, 640, 480],
    [2.5, 500, 375],
  ])('shrinking %s times agrees with sharp', async (times, widthPx, heightPx) => {
    setPrintKernel(kernel);
    const source = rgb(widthPx, heightPx);
    const size = { widthPx: Math.round(widthPx / times), heightPx: Math.round(heightPx / times) };
    const { bytes } = print(source, { ...plain, ...size });
    const expected = await sharp(source.data, {
      raw: { width: widthPx, height: heightPx, channels: 3 },
    })
      .resize(size.widthPx, size.heightPx, { fit: 'fill', kernel: 'linear' })
      .raw()
      .toBuffer();
    expect(worst(bytes, expected)).toBeLessThanOrEqual(3);
  });

  test('BT.601 bars have the colours that the standard gives them', () => {
    setPrintKernel(kernel);
    // 75 % bars, limited range: white, yellow, cyan, green, magenta, red, blue.
    const bars = [
      [180, 128, 128, 191, 191, 191],
      [162, 44, 142, 191, 191, 0],
      [131, 156, 44, 0, 191, 191],
      [112, 72, 58, 0, 191, 0],
      [84, 184, 198, 191, 0, 191],
      [65, 100, 212, 191, 0, 0],
      [35, 212, 114, 0, 0, 191],
    ] as const;
    for (const [y, u, v, ...colour] of bars) {
      const { bytes } = print(flatI420(50, 38, [y, u, v]), { ...plain, widthPx: 20, heightPx: 10 });
      expect(worst(bytes.subarray(0, 3), colour)).toBeLessThanOrEqual(2);
      expect(
        worst(
          bytes,
          [...bytes].map((_, i) => bytes[i % 3]!),
        ),
      ).toBe(0);
    }
  });
});

test('a letterbox is centred, filled with pad and normalised like the picture', () => {
  const format: PrintFormat = {
    ...plain,
    layout: 'planar',
    order: 'bgr',
    dtype: 'float32',
    fit: 'centre',
    mean: [10, 20, 30],
    scale: [0.5, 0.25, 0.125],
  };
  const source = rgb(320, 180);
  const { placement, bytes } = print(source, format);
  expect(placement).toEqual({ x: 0, y: 14, w: 64, h: 36 });
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const planes = [0, 1, 2].map((c) => values.subarray(c * 4096, (c + 1) * 4096));
  expect(planes.map((plane) => plane[0])).toEqual([52, 23.5, 10.5]);
  expect(planes.map((plane) => plane.at(-1))).toEqual([52, 23.5, 10.5]);

  const picture = print(source, { ...plain, heightPx: 36 }).bytes;
  for (let i = 0; i < 64 * 36; i += 1) {
    const [r, g, b] = picture.subarray(i * 3, i * 3 + 3);
    const at = 14 * 64 + i;
    expect([planes[0]![at], planes[1]![at], planes[2]![at]]).toEqual([
      (b! - 10) / 2,
      (g! - 20) / 4,
      (r! - 30) / 8,
    ]);
  }
});

test('a rectangle prints the same as the picture cut out before', () => {
  const source = rgb(320, 240);
  const cut = new Uint8Array(100 * 80 * 3);
  for (let y = 0; y < 80; y += 1) {
    const from = ((y + 60) * 320 + 40) * 3;
    cut.set(source.data.subarray(from, from + 300), y * 300);
  }
  const format = { ...plain, widthPx: 50, heightPx: 40 };
  const part = print(source, format, [40 / 320, 60 / 240, 100 / 320, 80 / 240]);
  const whole = print({ ...source, data: cut, widthPx: 100, heightPx: 80 }, format);
  expect(worst(part.bytes, whole.bytes)).toBe(0);
});

test('strides and offsets are followed', () => {
  const tight = flatI420(31, 21, [90, 60, 200]);
  const data = new Uint8Array(100_000).fill(255);
  const strides = [48, 40, 17];
  const offsets = [7, 2000, 3000];
  for (const [plane, [rows, width, value]] of (
    [
      [21, 31, 90],
      [11, 16, 60],
      [11, 16, 200],
    ] as const
  ).entries()) {
    for (let y = 0; y < rows; y += 1) {
      const at = offsets[plane]! + y * strides[plane]!;
      data.fill(value, at, at + width);
    }
  }
  const padded = print({ ...tight, data, strides, offsets }, plain).bytes;
  expect(worst(padded, print(tight, plain).bytes)).toBe(0);
});

test.each<[string, Partial<PixelSource>, Box, number]>([
  ['a rectangle beyond the frame', {}, [0.5, 0, 0.6, 1], offset],
  ['an empty rectangle', {}, [0.5, 0.5, 0, 0.1], offset],
  ['a rectangle that is no number', {}, [Number.NaN, 0, 1, 1], offset],
  ['an unaligned offset', {}, [0, 0, 1, 1], offset + 1],
  ['an offset beyond the arena', {}, [0, 0, 1, 1], 1 << 23],
  ['data that is too short', { widthPx: 321 }, [0, 0, 1, 1], offset],
  ['a picture without width', { widthPx: 0 }, [0, 0, 1, 1], offset],
  ['strides shorter than a row', { strides: [959] }, [0, 0, 1, 1], offset],
])('%s is refused with a code', (_, change, rectangle, at) => {
  const source = { ...rgb(320, 240), ...change };
  expect(() => printPixels(source, rectangle, plain, arena, at)).toThrow(
    expect.objectContaining({ code: 'DEFECT' }),
  );
});
