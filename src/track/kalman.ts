// Constant-velocity Kalman filter of a box: four coordinates that do not influence each other.
import type { Affine } from '../contracts/geometry.ts';

/** All rates and noises are per tick of 1/30 s, whatever the camera's frame rate is. */
export const TICKS_PER_S = 30;

// Standard deviations as shares of the box height (ByteTrack, yolox/tracker/kalman_filter.py).
const POSITION = 1 / 20;
const VELOCITY = 1 / 160;
const ASPECT_PROCESS = 1e-2;
const ASPECT_VELOCITY = 1e-5;
const ASPECT_MEASURED = 1e-1;

/**
 * Follows `[cx, cy, aspect, height]` of one box.
 *
 * The 8×8 covariance of the usual formulation never couples two coordinates, so it is kept as four 2×2
 * blocks: about fifteen multiplications per coordinate and step. Process noise is integrated over the
 * step, so that two short predictions equal one long one. Noise scales with the height at the last
 * measurement. Coordinates must have the same unit in both directions.
 */
export class BoxFilter {
  /** `p0 v0 p1 v1 p2 v2 p3 v3` */
  readonly mean: Float64Array = new Float64Array(8);
  /** `pp pv vv` per coordinate */
  readonly covariance: Float64Array = new Float64Array(12);
  private height = 0;

  start(cx: number, cy: number, aspect: number, height: number): void {
    this.mean.fill(0);
    this.covariance.fill(0);
    this.height = height;
    const measured = [cx, cy, aspect, height];
    for (let i = 0; i < 4; i++) {
      this.mean[2 * i] = measured[i]!;
      const position = i === 2 ? ASPECT_PROCESS : 2 * POSITION * height;
      const velocity = i === 2 ? ASPECT_VELOCITY : 10 * VELOCITY * height;
      this.covariance[3 * i] = position * position;
      this.covariance[3 * i + 2] = velocity * velocity;
    }
  }

  /** Moves the estimate on by `ticks`. */
  predict(ticks: number): void {
    const { mean, covariance } = this;
    for (let i = 0; i < 4; i++) {
      const position = i === 2 ? ASPECT_PROCESS : POSITION * this.height;
      const velocity = i === 2 ? ASPECT_VELOCITY : VELOCITY * this.height;
      const qv = velocity * velocity;
      const pv = covariance[3 * i + 1]!;
      const vv = covariance[3 * i + 2]!;
      mean[2 * i] = mean[2 * i]! + mean[2 * i + 1]! * ticks;
      covariance[3 * i] =
        covariance[3 * i]! +
        ticks * (2 * pv + position * position) +
        ticks * ticks * (vv + (qv * ticks) / 3);
      covariance[3 * i + 1] = pv + ticks * (vv + (qv * ticks) / 2);
      covariance[3 * i + 2] = vv + qv * ticks;
    }
  }

  /** Takes in a measured box; `noise` multiplies its standard deviation. */
  update(cx: number, cy: number, aspect: number, height: number, noise = 1): void {
    this.correct(0, cx, POSITION * this.height * noise);
    this.correct(1, cy, POSITION * this.height * noise);
    this.correct(2, aspect, ASPECT_MEASURED * noise);
    this.correct(3, height, POSITION * this.height * noise);
    this.height = Math.max(this.mean[6]!, 1e-6);
  }

  private correct(i: number, measured: number, deviation: number): void {
    const { mean, covariance } = this;
    const pp = covariance[3 * i]!;
    const pv = covariance[3 * i + 1]!;
    const total = pp + deviation * deviation;
    const gain = pp / total;
    const velocityGain = pv / total;
    const residual = measured - mean[2 * i]!;
    mean[2 * i] = mean[2 * i]! + gain * residual;
    mean[2 * i + 1] = mean[2 * i + 1]! + velocityGain * residual;
    covariance[3 * i] = pp * (1 - gain);
    covariance[3 * i + 1] = pv * (1 - gain);
    covariance[3 * i + 2] = covariance[3 * i + 2]! - velocityGain * pv;
  }

  /** An unseen object keeps its size: only the position goes on. */
  holdSize(): void {
    this.mean[5] = 0;
    this.mean[7] = 0;
  }

  /** Moves position and velocity as the picture moved: `x' = a·x + b·y + c`, `y' = d·x + e·y + f`. */
  warp(affine: Affine): void {
    const { mean } = this;
    const [a, b, c, d, e, f] = affine;
    const scale = Math.sqrt(Math.abs(a * e - b * d));
    const [x, vx, y, vy] = [mean[0]!, mean[1]!, mean[2]!, mean[3]!];
    mean[0] = a * x + b * y + c;
    mean[2] = d * x + e * y + f;
    mean[1] = a * vx + b * vy;
    mean[3] = d * vx + e * vy;
    mean[6] = mean[6]! * scale;
    mean[7] = mean[7]! * scale;
    this.height *= scale;
  }

  copyFrom(other: BoxFilter): void {
    this.mean.set(other.mean);
    this.covariance.set(other.covariance);
    this.height = other.height;
  }
}
