// A clock that moves only when a test says so. Timers fire in order of their due time.
import type { Clock, Timer } from '../../src/core/clock.ts';

interface Pending {
  dueMs: number;
  periodMs: number | undefined;
  fn: () => void;
}

export class FakeClock implements Clock {
  private elapsedMs = 0;
  private offsetMs: number;
  private pending: Pending[] = [];

  constructor(startWallMs: number = Date.UTC(2026, 0, 1)) {
    this.offsetMs = startWallMs;
  }

  wallMs(): number {
    return this.offsetMs + this.elapsedMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.add({ dueMs: this.elapsedMs + Math.max(0, delayMs), periodMs: undefined, fn });
  }

  every(periodMs: number, fn: () => void): Timer {
    return this.add({ dueMs: this.elapsedMs + periodMs, periodMs, fn });
  }

  /** Moves time forward and runs everything that falls due on the way. */
  advance(byMs: number): void {
    const target = this.elapsedMs + byMs;
    for (;;) {
      const next = this.pending
        .filter((entry) => entry.dueMs <= target)
        .sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined) break;
      this.elapsedMs = Math.max(this.elapsedMs, next.dueMs);
      if (next.periodMs === undefined) this.pending = this.pending.filter((e) => e !== next);
      else next.dueMs += next.periodMs;
      next.fn();
    }
    this.elapsedMs = target;
  }

  /** Sets the wall clock without any time passing, as NTP does. */
  jumpWall(byMs: number): void {
    this.offsetMs += byMs;
  }

  private add(entry: Pending): Timer {
    this.pending.push(entry);
    return {
      cancel: () => {
        this.pending = this.pending.filter((other) => other !== entry);
      },
    };
  }
}
