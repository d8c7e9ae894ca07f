// The assigner against exhaustive search.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Assigner } from '../../src/track/assignment.ts';

function bestTotal(benefit: number[][], row = 0, used = 0): number {
  if (row === benefit.length) return 0;
  let best = bestTotal(benefit, row + 1, used);
  for (const [column, value] of benefit[row]!.entries()) {
    if (value <= 0 || (used & (1 << column)) !== 0) continue;
    best = Math.max(best, value + bestTotal(benefit, row + 1, used | (1 << column)));
  }
  return best;
}

const matrices = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
  .chain(([rows, columns]) =>
    fc.array(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
        minLength: columns,
        maxLength: columns,
      }),
      { minLength: rows, maxLength: rows },
    ),
  );

test('finds the greatest total benefit, each row and column once, no pair without benefit', () => {
  const assigner = new Assigner();
  fc.assert(
    fc.property(matrices, (benefit) => {
      const columns = benefit[0]!.length;
      const flat = assigner.matrix(benefit.length, columns);
      benefit.flat().forEach((value, i) => {
        flat[i] = value;
      });
      const rowsUsed = new Set<number>();
      const columnsUsed = new Set<number>();
      let total = 0;
      assigner.solve(benefit.length, (row, column) => {
        expect(benefit[row]![column]).toBeGreaterThan(0);
        rowsUsed.add(row);
        columnsUsed.add(column);
        total += benefit[row]![column]!;
        expect(rowsUsed.size).toBe(columnsUsed.size);
      });
      expect(total).toBeCloseTo(bestTotal(benefit), 9);
    }),
    { numRuns: 500 },
  );
});
