// Tells how the agent is: `info` when it changes, `health` every minute, both retained.
import { readFileSync } from 'node:fs';
import { availableParallelism, freemem, loadavg, totalmem } from 'node:os';
import type { Clock, Timer } from '../core/clock.ts';
import type { MqttConnection } from '../mqtt/connection.ts';

export interface StatusOptions {
  readonly mqtt: MqttConnection;
  readonly clock: Clock;
  /** Body of `info`; told at the start and by `tellInfo`. */
  info(): Record<string, unknown>;
  /** What the agent adds to the figures of the machine. */
  health(): Record<string, unknown>;
}

const PERIOD_MS = 60_000;

export class StatusPublisher {
  private readonly options: StatusOptions;
  private timer: Timer | undefined;

  constructor(options: StatusOptions) {
    this.options = options;
  }

  start(): void {
    this.tellInfo();
    this.publish();
    this.timer = this.options.clock.every(PERIOD_MS, () => this.publish());
  }

  /** Call it when what `info` returns has changed. */
  tellInfo(): void {
    const { mqtt, info } = this.options;
    mqtt.retain('info', {}, JSON.stringify(info()));
  }

  stop(): void {
    this.timer?.cancel();
  }

  private publish(): void {
    const { mqtt, clock, health } = this.options;
    const body = { ts: new Date(clock.wallMs()).toISOString(), ...machineHealth(), ...health() };
    mqtt.retain('health', {}, JSON.stringify(body));
  }
}

/** Load per core, memory in use, hottest sensor, and this process. */
export function machineHealth(): Record<string, unknown> {
  return {
    load_per_core: round((loadavg()[0] ?? 0) / availableParallelism()),
    memory_used_percent: round(100 * (1 - freemem() / totalmem())),
    temperature_c: hottestSensor(),
    rss_mb: round(process.memoryUsage.rss() / 2 ** 20),
    uptime_s: Math.round(process.uptime()),
  };
}

/** Thermal zones give thousandths of a degree; null on machines without any. */
function hottestSensor(): number | null {
  let hottest: number | null = null;
  for (let zone = 0; zone < 16; zone++) {
    try {
      const text = readFileSync(`/sys/class/thermal/thermal_zone${zone}/temp`, 'utf8');
      hottest = Math.max(hottest ?? Number.NEGATIVE_INFINITY, Number(text) / 1000);
    } catch {
      // Zones are numbered without gaps on most boards, but a sensor may refuse to be read.
    }
  }
  return hottest;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
