// What the service manager is told: that the daemon is ready, how it does, that it lives, and that it stops.
import type { Clock, Timer } from '../core/clock.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

export interface Progress {
  /** Inference runs completed since the start. */
  readonly completedRuns: number;
  /** Frames that wait to be inferred. */
  readonly waiting: number;
}

export interface SystemdOptions {
  /** NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID are read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly progress: () => Progress;
  /** One line for `systemctl status`. */
  readonly status: () => string;
  /** Sends one datagram; false when nobody took it. */
  readonly send: (socket: string, message: string) => boolean;
}

const STATUS_EVERY_MS = 10_000;
/** Of the watchdog's interval: how often it is fed, and for how long waiting frames may see no run complete. */
const FED_EVERY = 1 / 3;

/**
 * Started by hand, without NOTIFY_SOCKET, it does nothing.
 *
 * The watchdog is fed from the event loop, so a blocked loop starves it; and only while runs complete or nothing waits
 * for one, so hung inference does as well. A camera that is away is no reason to restart.
 */
export class Systemd {
  private readonly options: SystemdOptions;
  private readonly socket: string | undefined;
  private readonly watchdogMs: number | undefined;
  private timers: Timer[] = [];
  private lastStatus = '';
  private lastRuns = -1;
  private advancedMs = 0;
  private isStarving = false;

  constructor(options: SystemdOptions) {
    this.options = options;
    const { NOTIFY_SOCKET: socket } = options.environment;
    this.socket = socket === '' ? undefined : socket;
    this.watchdogMs = watchdogInterval(options.environment);
  }

  /** Once, when the daemon works; from here on the watchdog counts. */
  ready(): void {
    if (this.socket === undefined) return;
    const { clock } = this.options;
    this.lastStatus = this.statusLine();
    this.advancedMs = clock.monotonicMs();
    this.tell(`READY=1\nSTATUS=${this.lastStatus}`);
    this.timers.push(clock.every(STATUS_EVERY_MS, () => this.tellStatus()));
    if (this.watchdogMs === undefined) return;
    this.feed();
    this.timers.push(clock.every(this.watchdogMs * FED_EVERY, () => this.feed()));
  }

  stopping(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers = [];
    this.tell('STOPPING=1\nSTATUS=stopping');
  }

  private tellStatus(): void {
    const status = this.statusLine();
    if (status === this.lastStatus) return;
    this.lastStatus = status;
    this.tell(`STATUS=${status}`);
  }

  /** A line break would begin another field of the datagram. */
  private statusLine(): string {
    return this.options.status().replace(/[\r\n\0]+/g, ' ');
  }

  private feed(): void {
    const { clock, log, progress } = this.options;
    const { completedRuns, waiting } = progress();
    const now = clock.monotonicMs();
    if (completedRuns !== this.lastRuns || waiting === 0) this.advancedMs = now;
    this.lastRuns = completedRuns;
    const stuckMs = now - this.advancedMs;
    const isStuck = stuckMs > (this.watchdogMs ?? 0) * FED_EVERY;
    if (!isStuck) this.tell('WATCHDOG=1');
    else if (!this.isStarving) {
      log.error(
        { waiting, stuck_ms: Math.round(stuckMs) },
        'no inference completes: the watchdog is not fed',
      );
    }
    this.isStarving = isStuck;
  }

  private tell(message: string): void {
    if (this.socket === undefined) return;
    try {
      this.options.send(this.socket, message);
    } catch (error) {
      this.options.log.warn({ cause: causeText(error) }, 'the service manager cannot be told');
    }
  }
}

/** Undefined when the service manager expects nothing, or expects it from another process. */
function watchdogInterval(environment: SystemdOptions['environment']): number | undefined {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: pid } = environment;
  const ms = Number(usec) / 1000;
  const isOurs = pid === undefined || Number(pid) === process.pid;
  return isOurs && Number.isFinite(ms) && ms > 0 ? ms : undefined;
}
