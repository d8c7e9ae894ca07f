// The four small filters against the textbook 8×8 formulation.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoxFilter } from '../../src/track/kalman.ts';

type Matrix = number[][];
const zeros = (n: number): Matrix => Array.from({ length: n }, () => new Array<number>(n).fill(0));
const multiply = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)));
const transpose = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!));

/** State `[cx cy a h, velocities]`; the measurement is the first half, noise is diagonal: no inverse needed beyond 4×4. */
class FullFilter {
  x: Matrix;
  p: Matrix = zeros(8);
  height: number;

  constructor(z: readonly number[]) {
    this.height = z[3]!;
    this.x = [...z, 0, 0, 0, 0].map((value) => [value]);
    const sd = this.deviations(2 / 20, 10 / 160, 1e-2, 1e-5);
    sd.forEach((value, i) => {
      this.p[i]![i] = value * value;
    });
  }

  deviations(position: number, velocity: number, aspect: number, aspectRate: number): number[] {
    const h = this.height;
    const [p, v] = [position * h, velocity * h];
    return [p, p, aspect, p, v, v, aspectRate, v];
  }

  predict(t: number): void {
    const f = zeros(8);
    const q = zeros(8);
    const sd = this.deviations(1 / 20, 1 / 160, 1e-2, 1e-5);
    for (let i = 0; i < 8; i++) f[i]![i] = 1;
    for (let i = 0; i < 4; i++) {
      f[i]![i + 4] = t;
      const [qp, qv] = [sd[i]! ** 2, sd[i + 4]! ** 2];
      q[i]![i] = qp * t + (qv * t ** 3) / 3;
      q[i]![i + 4] = (qv * t * t) / 2;
      q[i + 4]![i] = (qv * t * t) / 2;
      q[i + 4]![i + 4] = qv * t;
    }
    this.x = multiply(f, this.x);
    this.p = multiply(multiply(f, this.p), transpose(f)).map((row, i) =>
      row.map((value, j) => value + q[i]![j]!),
    );
  }

  /** One coordinate after the other: equal to the joint update because the noise is diagonal. */
  update(z: readonly number[]): void {
    const sd = this.deviations(1 / 20, 0, 1e-1, 0);
    for (let i = 0; i < 4; i++) {
      const s = this.p[i]![i]! + sd[i]! ** 2;
      const gain = this.p.map((row) => row[i]! / s);
      const residual = z[i]! - this.x[i]![0]!;
      const before = this.p.map((row) => [...row]);
      for (let r = 0; r < 8; r++) {
        this.x[r]![0]! += gain[r]! * residual;
        for (let c = 0; c < 8; c++) this.p[r]![c]! -= gain[r]! * before[i]![c]!;
      }
    }
    this.height = this.x[3]![0]!;
  }
}

const box = fc.tuple(
  fc.double({ min: 0.1, max: 1.6, noNaN: true }),
  fc.double({ min: 0.1, max: 0.9, noNaN: true }),
  fc.double({ min: 0.3, max: 2, noNaN: true }),
  fc.double({ min: 0.05, max: 0.5, noNaN: true }),
);
const ticks = fc.double({ min: 0.1, max: 30, noNaN: true });

test('four 2×2 filters equal one 8×8 filter', () => {
  fc.assert(
    fc.property(box, fc.array(fc.tuple(ticks, box), { maxLength: 12 }), (first, steps) => {
      const small = new BoxFilter();
      small.start(...first);
      const full = new FullFilter(first);
      for (const [t, z] of steps) {
        small.predict(t);
        full.predict(t);
        small.update(...z);
        full.update(z);
      }
      for (let i = 0; i < 4; i++) {
        expect(small.mean[2 * i]).toBeCloseTo(full.x[i]![0]!, 8);
        expect(small.mean[2 * i + 1]).toBeCloseTo(full.x[i + 4]![0]!, 8);
        expect(small.covariance[3 * i]).toBeCloseTo(full.p[i]![i]!, 8);
        expect(small.covariance[3 * i + 1]).toBeCloseTo(full.p[i]![i + 4]!, 8);
        expect(small.covariance[3 * i + 2]).toBeCloseTo(full.p[i + 4]![i + 4]!, 8);
      }
    }),
  );
});

test('two short predictions equal one long one', () => {
  fc.assert(
    fc.property(box, box, ticks, ticks, (first, second, a, b) => {
      const once = new BoxFilter();
      once.start(...first);
      once.predict(1);
      once.update(...second);
      const twice = new BoxFilter();
      twice.copyFrom(once);
      once.predict(a + b);
      twice.predict(a);
      twice.predict(b);
      for (let i = 0; i < 8; i++) expect(twice.mean[i]).toBeCloseTo(once.mean[i]!, 9);
      for (let i = 0; i < 12; i++) expect(twice.covariance[i]).toBeCloseTo(once.covariance[i]!, 9);
    }),
  );
});
