// Boxes and points as they cross every seam: fractions of the frame.

/** `[x, y, w, h]` of the frame, top-left origin, 0..1. */
export type Box = readonly [x: number, y: number, w: number, h: number];

/** `[x, y]` of the frame, 0..1. */
export type Point = readonly [x: number, y: number];

export interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** `x' = a·x + b·y + c`, `y' = d·x + e·y + f`, in fractions of the frame. */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

export const WHOLE_FRAME: Box = [0, 0, 1, 1];

export function area(box: Box): number {
  return box[2] * box[3];
}

/** Intersection over union, 0..1; 0 for empty boxes. */
export function iou(a: Box, b: Box): number {
  const w = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const h = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  const inter = w * h;
  return inter / (area(a) + area(b) - inter);
}

/** The part of `box` that lies inside the frame. */
export function clip(box: Box): Box {
  const x = Math.min(1, Math.max(0, box[0]));
  const y = Math.min(1, Math.max(0, box[1]));
  const right = Math.min(1, Math.max(0, box[0] + box[2]));
  const bottom = Math.min(1, Math.max(0, box[1] + box[3]));
  return [x, y, Math.max(0, right - x), Math.max(0, bottom - y)];
}
