// From the picture to metres on a flat ground, by four points whose places are known.
import type { Point } from '../contracts/geometry.ts';
import type { GroundPlan } from '../contracts/scene.ts';

export interface Ground {
  /** Undefined above the horizon. */
  toMetres(point: Point): Point | undefined;
}

/** Undefined when three of the four points lie on one line: they then say nothing about a plane. */
export function calibrate({ picture, metres }: GroundPlan): Ground | undefined {
  const rows: number[][] = [];
  for (let i = 0; i < 4; i++) {
    const [x, y] = picture[i]!;
    const [u, v] = metres[i]!;
    rows.push([x, y, 1, 0, 0, 0, -u * x, -u * y, u]);
    rows.push([0, 0, 0, x, y, 1, -v * x, -v * y, v]);
  }
  const h = solve(rows);
  if (h === undefined) return undefined;
  const depth = ([x, y]: Point): number => h[6]! * x + h[7]! * y + 1;
  const side = Math.sign(depth(picture[0]!));
  return {
    toMetres(point) {
      const w = depth(point);
      if (w * side <= 1e-9) return undefined;
      const [x, y] = point;
      return [(h[0]! * x + h[1]! * y + h[2]!) / w, (h[3]! * x + h[4]! * y + h[5]!) / w];
    },
  };
}

/** Gaussian elimination with pivoting; each row ends with its right-hand side. */
function solve(rows: number[][]): number[] | undefined {
  const n = rows.length;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column + 1; row < n; row++) {
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row;
    }
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const lead = rows[column]![column]!;
    if (Math.abs(lead) < 1e-10) return undefined;
    for (let row = 0; row < n; row++) {
      if (row === column) continue;
      const factor = rows[row]![column]! / lead;
      for (let k = column; k <= n; k++) rows[row]![k]! -= factor * rows[column]![k]!;
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!);
}
