// From the moving share of each frame to ON and OFF per camera.
import type { Clock, Timer } from '../core/clock.ts';

/** A person at 30 m fills about this share of a 1080p picture. */
const ON_SHARE = 0.002;
const OFF_AFTER_MS = 10_000;

/**
 * ON with the first frame that moves, OFF after 10 s in which none did, also when frames stop.
 * Frames whose motion nobody measured say nothing: where that is all of them, neither ON nor OFF is told.
 */
export class MotionState {
  private readonly clock: Clock;
  private readonly tell: (camera: string, value: 'ON' | 'OFF') => void;
  private readonly measured = new Set<string>();
  private readonly lastMoved = new Map<string, number>();
  private timer: Timer | undefined;

  constructor(clock: Clock, tell: (camera: string, value: 'ON' | 'OFF') => void) {
    this.clock = clock;
    this.tell = tell;
  }

  /** `share` is undefined where motion was not measured. */
  add(camera: string, share: number | undefined): void {
    if (share === undefined) return;
    if (!this.measured.has(camera)) {
      this.measured.add(camera);
      this.tell(camera, 'OFF');
    }
    if (share < ON_SHARE) return;
    if (!this.lastMoved.has(camera)) this.tell(camera, 'ON');
    this.lastMoved.set(camera, this.clock.monotonicMs());
    this.timer ??= this.clock.every(1000, () => this.expire());
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private expire(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [camera, movedMs] of this.lastMoved) {
      if (nowMs - movedMs < OFF_AFTER_MS) continue;
      this.lastMoved.delete(camera);
      this.tell(camera, 'OFF');
    }
    if (this.lastMoved.size === 0) this.stop();
  }
}
