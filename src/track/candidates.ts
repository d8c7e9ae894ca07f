// The detections of one frame in the tracker's own unit: frame heights in both directions.
import type { Detection } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';

// Boxes without extent cannot overlap anything.
const SMALLEST = 1e-5;

/** Reused for every frame; grows to the largest number of detections seen. */
export class Candidates {
  /** `x1 y1 x2 y2` per detection. */
  corners: Float64Array = new Float64Array(64 * 4);
  detections: readonly Detection[] = [];
  /** Indices of detections that no track has taken yet, by the pass they belong to. */
  readonly strong: number[] = [];
  readonly weak: number[] = [];
  /** Both, whether taken or not. */
  readonly all: number[] = [];
  private taken = new Uint8Array(64);

  load(frame: Frame, detections: readonly Detection[], highScore: number, lowScore: number): void {
    this.detections = detections;
    const count = detections.length;
    if (this.taken.length < count) {
      this.corners = new Float64Array(count * 8);
      this.taken = new Uint8Array(count * 2);
    }
    this.taken.fill(0, 0, count);
    this.strong.length = 0;
    this.weak.length = 0;
    this.all.length = 0;
    const aspect = frame.widthPx / frame.heightPx;
    for (let i = 0; i < count; i++) {
      const { box, score } = detections[i]!;
      if (!(box[2] > SMALLEST && box[3] > SMALLEST)) continue;
      this.corners[4 * i] = box[0] * aspect;
      this.corners[4 * i + 1] = box[1];
      this.corners[4 * i + 2] = (box[0] + box[2]) * aspect;
      this.corners[4 * i + 3] = box[1] + box[3];
      if (score >= highScore) this.strong.push(i);
      else if (score >= lowScore) this.weak.push(i);
      else continue;
      this.all.push(i);
    }
  }

  take(index: number): void {
    this.taken[index] = 1;
  }

  isTaken(index: number): boolean {
    return this.taken[index] === 1;
  }

  /** Removes what was taken from `strong`. */
  dropTaken(): void {
    let kept = 0;
    for (const index of this.strong) if (!this.isTaken(index)) this.strong[kept++] = index;
    this.strong.length = kept;
  }
}

/** Intersection over union of two `x1 y1 x2 y2` boxes that lie in longer arrays. */
export function cornersIou(a: Float64Array, i: number, b: Float64Array, j: number): number {
  const w = Math.min(a[i + 2]!, b[j + 2]!) - Math.max(a[i]!, b[j]!);
  if (w <= 0) return 0;
  const h = Math.min(a[i + 3]!, b[j + 3]!) - Math.max(a[i + 1]!, b[j + 1]!);
  if (h <= 0) return 0;
  const inter = w * h;
  const areaA = (a[i + 2]! - a[i]!) * (a[i + 3]! - a[i + 1]!);
  const areaB = (b[j + 2]! - b[j]!) * (b[j + 3]! - b[j + 1]!);
  return inter / (areaA + areaB - inter);
}
