// Warnings and errors as messages on the log topic: a few a minute, so that a broken camera cannot flood the broker.
import type { Clock } from '../core/clock.ts';

const PER_MINUTE = 10;
const MAX_LINE_BYTES = 4096;
const WORTH_TELLING = /^\{"level":"(warn|error|fatal)"/;

export interface LogTopicDeps {
  readonly clock: Clock;
  /** Must not log itself: a failed publish would come back here. */
  publish(payload: string): void;
}

/** Takes the agent's log, one JSON line per write. `suppressed` tells how many lines the limit swallowed before this one. */
export class LogTopic {
  private readonly deps: LogTopicDeps;
  private tokens = PER_MINUTE;
  private refilledMs: number;
  private suppressed = 0;

  constructor(deps: LogTopicDeps) {
    this.deps = deps;
    this.refilledMs = deps.clock.monotonicMs();
  }

  write(line: string): void {
    if (!WORTH_TELLING.test(line)) return;
    if (!this.takeToken() || line.length > MAX_LINE_BYTES) {
      this.suppressed += 1;
      return;
    }
    const record = JSON.parse(line) as Record<string, unknown>;
    const payload = this.suppressed > 0 ? { ...record, suppressed: this.suppressed } : record;
    this.suppressed = 0;
    this.deps.publish(JSON.stringify(payload));
  }

  private takeToken(): boolean {
    const nowMs = this.deps.clock.monotonicMs();
    this.tokens = Math.min(
      PER_MINUTE,
      this.tokens + ((nowMs - this.refilledMs) / 60_000) * PER_MINUTE,
    );
    this.refilledMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
