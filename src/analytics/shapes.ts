// Points, polygons and boxes: where something is, and how far.
import type { Box, Point } from '../contracts/geometry.ts';
import type { Anchor } from '../contracts/scene.ts';

export function anchorOf(box: Box, anchor: Anchor): Point {
  const [x, y, w, h] = box;
  return [x + w / 2, anchor === 'bottom_centre' ? y + h : y + h / 2];
}

/** In frame heights; `aspect` is width / height of the frame. */
export function distanceBetween(a: Point, b: Point, aspect: number): number {
  const dx = (a[0] - b[0]) * aspect;
  const dy = a[1] - b[1];
  return Math.sqrt(dx * dx + dy * dy);
}

/** Of a polygon. */
export type Bounds = readonly [left: number, top: number, right: number, bottom: number];

const bounds = new WeakMap<readonly Point[], Bounds>();

/** Computed once per polygon, which is never changed. */
export function boundsOf(polygon: readonly Point[]): Bounds {
  let known = bounds.get(polygon);
  if (known === undefined) {
    const xs = polygon.map(([x]) => x);
    const ys = polygon.map(([, y]) => y);
    known = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    bounds.set(polygon, known);
  }
  return known;
}

/** Whether the box has anything in common with the bounds. What has not, is not in the polygon, by whatever anchor. */
export function touches([x, y, w, h]: Box, [left, top, right, bottom]: Bounds): boolean {
  return x <= right && x + w >= left && y <= bottom && y + h >= top;
}

/** Even-odd rule; points on an edge are inside. */
export function isInside([x, y]: Point, polygon: readonly Point[]): boolean {
  let inside = false;
  let [bx, by] = polygon[polygon.length - 1]!;
  for (const [ax, ay] of polygon) {
    if (isOnSegment(x, y, ax, ay, bx, by)) return true;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    bx = ax;
    by = ay;
  }
  return inside;
}

function isOnSegment(
  x: number,
  y: number,
  ax: number,
  ay: number,
  bx: number,
  by: number,
): boolean {
  const cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax);
  if (Math.abs(cross) > 1e-12) return false;
  return (x - ax) * (x - bx) + (y - ay) * (y - by) <= 0;
}

/** Distance to the nearest edge in frame heights; `aspect` is width / height of the frame. */
export function edgeDistance(point: Point, polygon: readonly Point[], aspect: number): number {
  let least = Number.POSITIVE_INFINITY;
  let before = polygon[polygon.length - 1]!;
  for (const corner of polygon) {
    least = Math.min(least, segmentDistance(point, before, corner, aspect));
    before = corner;
  }
  return least;
}

function segmentDistance(point: Point, a: Point, b: Point, aspect: number): number {
  const [px, py] = [(point[0] - a[0]) * aspect, point[1] - a[1]];
  const [bx, by] = [(b[0] - a[0]) * aspect, b[1] - a[1]];
  const length = bx * bx + by * by;
  const t = length === 0 ? 0 : Math.min(1, Math.max(0, (px * bx + py * by) / length));
  const [dx, dy] = [px - t * bx, py - t * by];
  return Math.sqrt(dx * dx + dy * dy);
}

/** Share of the box that lies in the polygon (Sutherland–Hodgman; exact for any simple polygon). */
export function coveredShare(box: Box, polygon: readonly Point[]): number {
  const [x, y, w, h] = box;
  if (w <= 0 || h <= 0) return 0;
  let shape = polygon;
  shape = cut(shape, 0, x, 1);
  shape = cut(shape, 0, x + w, -1);
  shape = cut(shape, 1, y, 1);
  shape = cut(shape, 1, y + h, -1);
  return Math.abs(signedArea(shape)) / (w * h);
}

/** Keeps the part with `sign · (coordinate - limit) ≥ 0`. */
function cut(shape: readonly Point[], axis: 0 | 1, limit: number, sign: 1 | -1): Point[] {
  const kept: Point[] = [];
  for (let i = 0; i < shape.length; i++) {
    const a = shape[i]!;
    const b = shape[(i + 1) % shape.length]!;
    const da = sign * (a[axis] - limit);
    const db = sign * (b[axis] - limit);
    if (da >= 0) kept.push(a);
    if (da >= 0 !== db >= 0) {
      const t = da / (da - db);
      kept.push([a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]);
    }
  }
  return kept;
}

function signedArea(shape: readonly Point[]): number {
  let sum = 0;
  for (let i = 0; i < shape.length; i++) {
    const [ax, ay] = shape[i]!;
    const [bx, by] = shape[(i + 1) % shape.length]!;
    sum += ax * by - bx * ay;
  }
  return sum / 2;
}
