// How much of the machine others took while something was measured.
import { readFileSync } from 'node:fs';
import type { Clock } from '../core/clock.ts';

/** Jiffies per second; 100 on every Linux that Vedette runs on. */
const TICKS = 100;

/** Create it, and ask for the share, while no child process runs: children count once they have ended. */
export class Disturbance {
  private readonly clock: Clock;
  private readonly startMs: number;
  private readonly otherMs: number;

  constructor(clock: Clock) {
    this.clock = clock;
    this.startMs = clock.monotonicMs();
    this.otherMs = otherCpuMs();
  }

  /** 0..1 of all cores since the creation; 0 where /proc cannot be read. */
  share(cores: number): number {
    const tookMs = this.clock.monotonicMs() - this.startMs;
    return Math.max(0, (otherCpuMs() - this.otherMs) / (tookMs * cores));
  }
}

function otherCpuMs(): number {
  try {
    const [, ...all] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/);
    const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0, steal = 0] = all.map(Number);
    const busy = user + nice + system + irq + soft + steal;
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // The command name may hold spaces and brackets; fields are counted after its last bracket. Own time, and that of ended children.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return ((busy - own) * 1000) / TICKS;
  } catch {
    return 0;
  }
}
