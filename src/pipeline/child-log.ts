// What a camera process has to say, in the agent's log: with a limit, because a broken stream complains about every frame.
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';

const LINES_PER_SECOND = 5;
const BURST = 20;

export class ChildLog {
  private readonly clock: Clock;
  private readonly log: Log;
  private credit = BURST;
  private creditedMs: number;
  private suppressed = 0;

  constructor(clock: Clock, log: Log) {
    this.clock = clock;
    this.log = log;
    this.creditedMs = clock.monotonicMs();
  }

  add(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    if (!this.log.isLevelEnabled(level) || !this.take()) return;
    if (this.suppressed > 0) {
      this.log.warn({ suppressed: this.suppressed }, 'camera process: lines left out');
      this.suppressed = 0;
    }
    this.log[level](fields, message);
  }

  /** Something that libraries wrote to its standard error. */
  line(text: string): void {
    this.add('debug', text, { stage: 'decode' });
  }

  private take(): boolean {
    const now = this.clock.monotonicMs();
    const earned = ((now - this.creditedMs) / 1000) * LINES_PER_SECOND;
    this.credit = Math.min(BURST, this.credit + earned);
    this.creditedMs = now;
    if (this.credit < 1) {
      this.suppressed += 1;
      return false;
    }
    this.credit -= 1;
    return true;
  }
}
