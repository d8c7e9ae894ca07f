// Raw frames that another program writes into a pipe (FFmpeg), told of and printed through the same link as decoded ones.
import type { MotionOrder } from '../contracts/ticket.ts';
import { callNative, loadNative } from './binding.ts';
import type { CameraMemory } from './frames.ts';
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

/** A frame that came, before anybody was told of it. */
export interface RawFrame {
  readonly sequence: number;
  readonly ptsNs: number;
  readonly captureMs: number;
}

export interface FrameRingListener {
  /** Only the newest frame; what came between two calls shows as a gap in `sequence`. */
  frame(frame: RawFrame): void;
  /** Once, after the last frame; never after `close`. */
  end(end: FrameRingEnd): void;
}

interface RawNotice {
  readonly sequence: number;
  readonly captureMs: number;
  readonly monotonicMs: number;
}

interface NativeFrameRing {
  serve(link: Uint8Array, arena: Uint8Array): void;
  tell(sequence: number, ptsNs: number, captureMs: number): void;
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
    const onFrame = ({ sequence, captureMs, monotonicMs }: RawNotice): void => {
      startedMs ??= monotonicMs;
      const sinceStartMs = fps > 0 ? ((sequence - 1) * 1000) / fps : monotonicMs - startedMs;
      listener.frame({ sequence, captureMs, ptsNs: Math.round(sinceStartMs * 1e6) });
    };
    return callNative(() => {
      const ring = loadNative<FrameRingExports>().FrameRing;
      const args = [fd, pixelFormat, widthPx, heightPx, held, patienceMs] as const;
      return new FrameRing(new ring(...args, onFrame, (end) => listener.end(end), fps, motion));
    });
  }

  /** From now on frames are printed when the agent asks, on a thread of their own. */
  serve({ link, arena }: CameraMemory): void {
    callNative(() => this.#native.serve(link.memory, arena.memory));
  }

  /** Tells the agent of a frame, if it is still there, by times that may be better known than here. */
  tell({ sequence, ptsNs, captureMs }: RawFrame): void {
    callNative(() => this.#native.tell(sequence, ptsNs, captureMs));
  }

  /** Ends the threads and gives the frames back; the writer then finds its pipe closed. */
  close(): void {
    this.#native.close();
  }
}
