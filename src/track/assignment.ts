// Optimal pairing of tracks and detections.

/**
 * Finds the set of pairs with the greatest total benefit; a pair without positive benefit is never made.
 *
 * The pairs with positive benefit fall apart into small islands (people who stand together), and each
 * island is solved by itself with the shortest augmenting path method: a frame costs about as much as
 * its largest crowd. Buffers only grow to the largest frame seen.
 */
export class Assigner {
  private benefit = new Float64Array(0);
  private columns = 0;
  private rowIsland = new Int32Array(0);
  private columnIsland = new Int32Array(0);
  private queue = new Int32Array(0);
  private islandRows: number[] = [];
  private islandColumns: number[] = [];
  private readonly solver = new AugmentingPaths();

  /** A row-major `rows × columns` matrix to fill in before `solve`; valid until the next call. */
  matrix(rows: number, columns: number): Float64Array {
    if (this.benefit.length < rows * columns) {
      this.benefit = new Float64Array(Math.ceil(rows * columns * 1.5));
    }
    if (this.rowIsland.length < rows) this.rowIsland = new Int32Array(rows * 2);
    if (this.columnIsland.length < columns) this.columnIsland = new Int32Array(columns * 2);
    if (this.queue.length < rows + columns) this.queue = new Int32Array((rows + columns) * 2);
    this.columns = columns;
    return this.benefit;
  }

  /** Calls `pair(row, column)` for each pair of the optimum of the matrix filled in last. */
  solve(rows: number, pair: (row: number, column: number) => void): void {
    this.rowIsland.fill(0, 0, rows);
    this.columnIsland.fill(0, 0, this.columns);
    for (let row = 0; row < rows; row++) {
      if (this.rowIsland[row] !== 0) continue;
      this.collectIsland(row, rows);
      this.solveIsland(pair);
    }
  }

  private collectIsland(firstRow: number, rows: number): void {
    const { columns, benefit, queue, rowIsland, columnIsland } = this;
    this.islandRows.length = 0;
    this.islandColumns.length = 0;
    let head = 0;
    let tail = 0;
    queue[tail++] = firstRow;
    rowIsland[firstRow] = 1;
    while (head < tail) {
      const node = queue[head++]!;
      if (node < rows) {
        this.islandRows.push(node);
        for (let column = 0; column < columns; column++) {
          if (columnIsland[column] !== 0 || !(benefit[node * columns + column]! > 0)) continue;
          columnIsland[column] = 1;
          queue[tail++] = rows + column;
        }
      } else {
        const column = node - rows;
        this.islandColumns.push(column);
        for (let row = 0; row < rows; row++) {
          if (rowIsland[row] !== 0 || !(benefit[row * columns + column]! > 0)) continue;
          rowIsland[row] = 1;
          queue[tail++] = row;
        }
      }
    }
  }

  private solveIsland(pair: (row: number, column: number) => void): void {
    const { islandRows, islandColumns, benefit, columns } = this;
    if (islandColumns.length === 0) return;
    const flip = islandRows.length > islandColumns.length;
    const few = flip ? islandColumns : islandRows;
    const many = flip ? islandRows : islandColumns;
    const at = (i: number, j: number): number => {
      const value = flip
        ? benefit[many[j]! * columns + few[i]!]!
        : benefit[few[i]! * columns + many[j]!]!;
      if (!(value > 0)) return 0;
      return value;
    };
    const cost = this.solver.matrix(few.length, many.length);
    for (let i = 0; i < few.length; i++) {
      for (let j = 0; j < many.length; j++) cost[i * many.length + j] = -at(i, j);
    }
    const chosen = this.solver.solve(few.length, many.length);
    for (let i = 0; i < few.length; i++) {
      const j = chosen[i]!;
      if (at(i, j) <= 0) continue;
      if (flip) pair(many[j]!, few[i]!);
      else pair(few[i]!, many[j]!);
    }
  }
}

/** Least-cost assignment of every row to a column of its own (Kuhn–Munkres with potentials), rows ≤ columns. */
class AugmentingPaths {
  private cost = new Float64Array(0);
  private rowPotential = new Float64Array(0);
  private columnPotential = new Float64Array(0);
  private slack = new Float64Array(0);
  private rowOf = new Int32Array(0);
  private cameFrom = new Int32Array(0);
  private visited = new Uint8Array(0);
  private result = new Int32Array(0);

  matrix(rows: number, columns: number): Float64Array {
    if (this.cost.length < rows * columns) {
      this.cost = new Float64Array(Math.ceil(rows * columns * 1.5));
    }
    if (this.slack.length < columns + 1) {
      const size = (columns + 1) * 2;
      this.rowPotential = new Float64Array(size);
      this.columnPotential = new Float64Array(size);
      this.slack = new Float64Array(size);
      this.rowOf = new Int32Array(size);
      this.cameFrom = new Int32Array(size);
      this.visited = new Uint8Array(size);
      this.result = new Int32Array(size);
    }
    return this.cost;
  }

  /** Index 0 of the column arrays is the root of the path; rows and columns count from 1 inside. */
  solve(rows: number, columns: number): Int32Array {
    this.rowPotential.fill(0, 0, rows + 1);
    this.columnPotential.fill(0, 0, columns + 1);
    this.rowOf.fill(0, 0, columns + 1);
    for (let row = 1; row <= rows; row++) this.augment(row, columns);
    for (let column = 1; column <= columns; column++) {
      const row = this.rowOf[column]!;
      if (row !== 0) this.result[row - 1] = column - 1;
    }
    return this.result;
  }

  private augment(firstRow: number, columns: number): void {
    const { cost, rowPotential, columnPotential, slack, rowOf, cameFrom, visited } = this;
    slack.fill(Number.POSITIVE_INFINITY, 0, columns + 1);
    visited.fill(0, 0, columns + 1);
    rowOf[0] = firstRow;
    let column = 0;
    do {
      visited[column] = 1;
      const row = rowOf[column]!;
      const base = (row - 1) * columns - 1;
      const potential = rowPotential[row]!;
      let least = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let j = 1; j <= columns; j++) {
        if (visited[j] === 1) continue;
        const reduced = cost[base + j]! - potential - columnPotential[j]!;
        if (reduced < slack[j]!) {
          slack[j] = reduced;
          cameFrom[j] = column;
        }
        if (slack[j]! < least) {
          least = slack[j]!;
          next = j;
        }
      }
      for (let j = 0; j <= columns; j++) {
        if (visited[j] === 1) {
          rowPotential[rowOf[j]!] = rowPotential[rowOf[j]!]! + least;
          columnPotential[j] = columnPotential[j]! - least;
        } else {
          slack[j] = slack[j]! - least;
        }
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      const previous = cameFrom[column]!;
      rowOf[column] = rowOf[previous]!;
      column = previous;
    }
  }
}
