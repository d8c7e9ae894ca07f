// Retained pictures: sent one at a time beside the rest, and left out where the line is too slow for them.
import type { Clock } from '../core/clock.ts';
import { RetainedState, type RetainedTransport } from './retained.ts';

/** One connection may break for any reason; two in a row, each under a picture, were broken by it. */
const MISSES = 2;
const LIMITED_MS = 3_600_000;

/**
 * A picture of 100 KB holds up a line of 4 KB/s for 25 s. No event is acknowledged meanwhile, the
 * connection counts as dead, and after the next connect the picture comes first again. So when
 * two connections in a row are lost under a picture, larger ones than half of it stay away for an hour.
 */
export class RetainedPictures {
  private readonly clock: Clock;
  private readonly onLimit: (bytes: number) => void;
  private readonly state = new RetainedState(1);
  private sendingBytes = 0;
  private misses = 0;
  private limit = { bytes: Number.POSITIVE_INFINITY, untilMs: 0 };

  constructor(clock: Clock, onLimit: (bytes: number) => void) {
    this.clock = clock;
    this.onLimit = onLimit;
  }

  /** Sent with QoS 1: only the acknowledgement tells that a picture has left the buffers of the network. */
  set(topic: string, jpeg: string | Buffer): void {
    this.state.set(topic, jpeg, 1);
  }

  get topics(): string[] {
    return this.state.topics;
  }

  attach(transport: RetainedTransport): void {
    void this.state.attach({
      send: async (topic, jpeg, qos) => {
        if (jpeg.length > this.limitBytes) return true;
        this.sendingBytes = jpeg.length;
        const isSent = await transport.send(topic, jpeg, qos);
        this.sendingBytes = 0;
        if (isSent) this.misses = 0;
        return isSent;
      },
    });
  }

  resend(): void {
    this.state.resend();
  }

  /** Call before what is under way is given up. */
  detach(): void {
    this.state.detach();
    if (this.sendingBytes === 0) return;
    this.misses += 1;
    if (this.misses < MISSES) return;
    const bytes = Math.floor(this.sendingBytes / 2);
    this.limit = { bytes, untilMs: this.clock.monotonicMs() + LIMITED_MS };
    this.onLimit(bytes);
  }

  private get limitBytes(): number {
    const isOver = this.clock.monotonicMs() >= this.limit.untilMs;
    return isOver ? Number.POSITIVE_INFINITY : this.limit.bytes;
  }
}
