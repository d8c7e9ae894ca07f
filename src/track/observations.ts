// The last few places where an object was really detected; OC-SORT trusts them more than predictions.

import type { Affine } from '../contracts/geometry.ts';

const KEPT = 8;

/** A ring of `KEPT` boxes with the time since the track began; it never grows. */
export class Observations {
  private readonly corners = new Float64Array(KEPT * 4);
  private readonly times = new Float64Array(KEPT);
  private count = 0;

  add(corners: Float64Array, timeMs: number): void {
    const slot = this.count % KEPT;
    for (let i = 0; i < 4; i++) this.corners[4 * slot + i] = corners[i]!;
    this.times[slot] = timeMs;
    this.count += 1;
  }

  /**
   * Writes the centre of the newest observation at least `ageMs` older than the last one, or of the
   * oldest kept, to `out`. Returns false when there is only one observation.
   */
  centreBefore(ageMs: number, out: Float64Array): boolean {
    const kept = Math.min(this.count, KEPT);
    if (kept < 2) return false;
    const newestMs = this.times[(this.count - 1) % KEPT]!;
    let slot = 0;
    for (let back = 2; back <= kept; back++) {
      slot = (this.count - back) % KEPT;
      if (newestMs - this.times[slot]! >= ageMs - 1e-6) break;
    }
    out[0] = (this.corners[4 * slot]! + this.corners[4 * slot + 2]!) / 2;
    out[1] = (this.corners[4 * slot + 1]! + this.corners[4 * slot + 3]!) / 2;
    return true;
  }

  warp(affine: Affine): void {
    for (let at = 0; at < this.corners.length; at += 4) warpCorners(this.corners, at, affine);
  }
}

/** Moves both corners of the box at `at`; a rotation keeps its size only roughly. */
export function warpCorners(corners: Float64Array, at: number, affine: Affine): void {
  const [a, b, c, d, e, f] = affine;
  for (const i of [at, at + 2]) {
    const x = corners[i]!;
    const y = corners[i + 1]!;
    corners[i] = a * x + b * y + c;
    corners[i + 1] = d * x + e * y + f;
  }
}
