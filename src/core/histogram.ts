// Percentiles of durations in bounded memory: buckets that grow by 10 %, from 10 µs to minutes.

const FIRST_MS = 0.01;
const GROWTH = Math.log(1.1);
const BUCKETS = 200;

/** Values above the bucket before, up to `upToMs`. */
export interface Bucket {
  readonly upToMs: number;
  readonly count: number;
}

/** Answers are upper bucket edges: at most 10 % above the true value. */
export class Histogram {
  private readonly counts: Uint32Array = new Uint32Array(BUCKETS);
  private total = 0;
  private sumMs = 0;

  add(valueMs: number): void {
    const raw = Math.ceil(Math.log(Math.max(valueMs, FIRST_MS) / FIRST_MS) / GROWTH);
    const bucket = Math.min(BUCKETS - 1, raw);
    this.counts[bucket]! += 1;
    this.total += 1;
    this.sumMs += valueMs;
  }

  get count(): number {
    return this.total;
  }

  get meanMs(): number {
    return this.total === 0 ? 0 : this.sumMs / this.total;
  }

  /** The value that `share` (0..1) of all values do not exceed; 0 when there are none. */
  percentileMs(share: number): number {
    const wanted = Math.ceil(share * this.total);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.counts[bucket]!;
      if (seen >= wanted && seen > 0) return FIRST_MS * Math.exp(bucket * GROWTH);
    }
    return 0;
  }

  /** Those that hold values, ascending. Whole numbers below ten have buckets of their own. */
  buckets(): Bucket[] {
    return [...this.counts.entries()]
      .filter(([, count]) => count > 0)
      .map(([bucket, count]) => ({ upToMs: FIRST_MS * Math.exp(bucket * GROWTH), count }));
  }

  reset(): void {
    this.counts.fill(0);
    this.total = 0;
    this.sumMs = 0;
  }
}
