// Waiting longer after each failure, with jitter so that forty cameras do not come back in step.

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Share of the delay that is random: 0.2 spreads a 10 s delay over 8 to 12 s. */
  readonly jitter?: number;
  readonly random?: () => number;
}

export class Backoff {
  private readonly options: BackoffOptions;
  private failures = 0;

  constructor(options: BackoffOptions) {
    this.options = options;
  }

  /** The delay before the next attempt; doubles with each call until `maxMs`. */
  nextMs(): number {
    const { firstMs, maxMs, jitter = 0.2, random = Math.random } = this.options;
    const base = Math.min(maxMs, firstMs * 2 ** Math.min(this.failures, 30));
    this.failures += 1;
    return Math.min(maxMs, base * (1 + jitter * (2 * random() - 1)));
  }

  /** How many delays were handed out since the last reset. */
  get attempts(): number {
    return this.failures;
  }

  reset(): void {
    this.failures = 0;
  }
}
