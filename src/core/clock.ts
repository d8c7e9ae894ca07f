// Time, injected: wall time for the world, monotonic time for durations. Tests use test/fakes/fake-clock.ts.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since 1970; may jump when the machine's clock is set. */
  wallMs(): number;
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs`, unless cancelled. Does not keep the process alive when `background`. */
  after(delayMs: number, fn: () => void, background?: boolean): Timer;
  /** Calls `fn` every `periodMs` until cancelled; never keeps the process alive. */
  every(periodMs: number, fn: () => void): Timer;
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, fn, background = false) {
    const handle = setTimeout(fn, delayMs);
    if (background) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, fn) {
    const handle = setInterval(fn, periodMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};

/** Resolves after `delayMs` on `clock`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
