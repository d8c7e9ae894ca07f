// Raw frames that another program writes into a pipe (FFmpeg), with the same printing side as decoded ones.
import type { MotionOrder, PrintFailure, Ticket } from '../contracts/ticket.ts';
import type { Arena } from './arena.ts';
import { callNative, loadNative } from './binding.ts';
import type { FrameNotice, Printed } from './frames.ts';
import type { PixelFormat } from './print.ts';

export interface FrameRingOptions {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly pixelFormat: PixelFormat;
  /** How many of the newest frames, and of those printed last, stay printable. */
  readonly held: number;
  /** When known, timestamps follow it; otherwise the arrival of the frames. */
  readonly fps?: number;
  /** How long the writer is kept waiting for a frame to be printed; 0 (default): the newest frame wins. */
  readonly patienceMs?: number;
  /** Absent: motion is not measured. */
  readonly motion?: MotionOrder | undefined;
}

export interface FrameRingEnd {
  /** Bytes of a last frame that never became complete. */
  readonly leftoverBytes: number;
  /** Empty when the writer closed its end. */
  readonly cause: string;
}

export interface FrameRingListener {
  /** Only the newest frame is told of; what came between two calls shows as a gap in `sequence`. */
  frame(notice: FrameNotice): void;
  /** Once, after the last frame; never after `close`. */
  end(end: FrameRingEnd): void;
}

interface RawNotice
  extends Pick<
    FrameNotice,
    'sequence' | 'captureMs' | 'motion' | 'motionBoxes' | 'backgroundChanges'
  > {
  readonly monotonicMs: number;
}

interface NativeFrameRing {
  print(
    sequence: number,
    rectangle: readonly number[],
    format: Ticket['format'],
    memory: Uint8Array,
    offset: number,
  ): Printed | PrintFailure;
  pass(sequence: number): void;
  close(): void;
}

interface FrameRingExports {
  FrameRing: new (
    fd: number,
    pixelFormat: string,
    widthPx: number,
    heightPx: number,
    held: number,
    patienceMs: number,
    onFrame: (notice: RawNotice) => void,
    onEnd: (end: FrameRingEnd) => void,
    fps: number,
    motion: MotionOrder | undefined,
  ) => NativeFrameRing;
}

/** A native thread reads the pipe straight into at most `2 * held + 2` frames; no pixel passes through JavaScript. */
export class FrameRing {
  readonly #native: NativeFrameRing;

  private constructor(native: NativeFrameRing) {
    this.#native = native;
  }

  /** Reads a duplicate of `fd`: the caller may close its own. Keeps the event loop alive until `close`. */
  static open(fd: number, options: FrameRingOptions, listener: FrameRingListener): FrameRing {
    const { pixelFormat, widthPx, heightPx, held, fps = 0, patienceMs = 0, motion } = options;
    let startedMs: number | undefined;
    const onFrame = ({ monotonicMs, ...raw }: RawNotice): void => {
      const { sequence } = raw;
      startedMs ??= monotonicMs;
      const sinceStartMs = fps > 0 ? ((sequence - 1) * 1000) / fps : monotonicMs - startedMs;
      listener.frame({
        ...raw,
        ...{ captureClock: 'host', widthPx, heightPx, fps, pixelFormat },
        ptsNs: Math.round(sinceStartMs * 1e6),
        skipped: 0,
      });
    };
    return callNative(() => {
      const ring = loadNative<FrameRingExports>().FrameRing;
      const args = [fd, pixelFormat, widthPx, heightPx, held, patienceMs] as const;
      return new FrameRing(new ring(...args, onFrame, (end) => listener.end(end), fps, motion));
    });
  }

  /** One pass from the frame into the arena, on this thread. */
  print(ticket: Ticket, arena: Arena): Printed | PrintFailure {
    const { sequence, rectangle, format, offset } = ticket;
    return callNative(() => this.#native.print(sequence, rectangle, format, arena.memory, offset));
  }

  /** Nobody will print this frame or those before it: a source that waits for its reader goes on. */
  pass(sequence: number): void {
    this.#native.pass(sequence);
  }

  /** Ends the thread and gives the frames back; the writer then finds its pipe closed. */
  close(): void {
    this.#native.close();
  }
}
