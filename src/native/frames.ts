// What the elements `vedetteframes` and `vedetteunits` of this process hold: decoded frames to print from, encoded units.
import type { CaptureClock } from '../contracts/frame.ts';
import type { MotionOrder } from '../contracts/ticket.ts';
import type { Arena } from './arena.ts';
import { callNative, loadGst } from './binding.ts';

/** What the frames of a stream look like. */
export interface StreamLook {
  readonly widthPx: number;
  readonly heightPx: number;
  /** 0 when the stream does not say. */
  readonly fps: number;
  /** GStreamer's name: I420, NV12, … */
  readonly pixelFormat: string;
}

/** What a camera process shares with the agent. */
export interface CameraMemory {
  readonly arena: Arena;
  /** Of the camera link. */
  readonly link: Arena;
}

/** H.264/H.265 as a byte stream with start codes and parameter sets before each key frame, or one JPEG. */
export interface EncodedUnit {
  readonly data: Buffer;
  /** On the timeline of the frames: a unit and the frame decoded from it have the same. */
  readonly ptsNs: number;
  readonly dtsNs: number;
  readonly captureMs: number;
  readonly captureClock: CaptureClock;
  readonly key: boolean;
  /** Units before this one were lost in this process. */
  readonly skippedBefore: boolean;
}

interface NativeFrameSink {
  serve(link: Uint8Array, arena: Uint8Array, onLook: (look: StreamLook) => void): void;
  noticeEvery(everyMs: number, atMs: number | undefined): void;
  watchMotion(motion: MotionOrder): void;
  frames(): number;
  continueTimeline(): void;
  close(): void;
}

interface NativeUnitSink {
  onUnit(fn: (unit: EncodedUnit) => void): void;
  want(wanted: boolean): void;
  close(): void;
}

interface GstExports {
  registerElements(): void;
  hasElement(name: string): boolean;
  FrameSink: new (name: string) => NativeFrameSink;
  UnitSink: new (name: string) => NativeUnitSink;
}

/** Initialises GStreamer and makes our elements known in this process; needed once, before any pipeline. */
export function registerElements(): void {
  callNative(() => loadGst<GstExports>().registerElements());
}

/** Whether GStreamer has this element on this machine; does not load its plugin. */
export function hasElement(name: string): boolean {
  return loadGst<GstExports>().hasElement(name);
}

/** The frames of the `vedetteframes` called `name`, which may also be built later. */
export class FrameSink {
  readonly #native: NativeFrameSink;

  private constructor(native: NativeFrameSink) {
    this.#native = native;
  }

  static find(name: string): FrameSink {
    return new FrameSink(callNative(() => new (loadGst<GstExports>().FrameSink)(name)));
  }

  /**
   * From now on frames are told of, and printed when the agent asks, on threads of their own; `onLook` hears what they look
   * like, at first and when that changes. Of frames that the agent does not read in time it is not told: a gap in `sequence`.
   * When the next one is still and one of those moved, it is told with their motion.
   */
  serve({ link, arena }: CameraMemory, onLook: (look: StreamLook) => void): void {
    callNative(() => this.#native.serve(link.memory, arena.memory, onLook));
  }

  /** Decoded or left out, so far. */
  get frames(): number {
    return this.#native.frames();
  }

  /**
   * From now on about one frame in so many milliseconds of presentation time is told of; 0, as in the beginning: each. They are
   * those nearest to whole intervals from `atMs` on; without it the next one comes an interval after the last one.
   */
  noticeEvery(everyMs: number, atMs?: number): void {
    callNative(() => this.#native.noticeEvery(everyMs, atMs));
  }

  /**
   * Motion is measured from the next start of the element on: on its thread, in at most 16 frames a second of
   * presentation time, about 0.1 ms each; frames between them repeat the last result. Not where reading the decoder's
   * memory takes longer than 3 ms.
   */
  watchMotion(motion: MotionOrder): void {
    callNative(() => this.#native.watchMotion(motion));
  }

  /** Before the same file is played again: later frames continue behind the last one. */
  continueTimeline(): void {
    this.#native.continueTimeline();
  }

  /** Gives the held frames back; nothing can be printed afterwards. */
  close(): void {
    this.#native.close();
  }
}

/** The access units of the `vedetteunits` called `name`, which may also be built later. */
export class UnitSink {
  readonly #native: NativeUnitSink;

  private constructor(native: NativeUnitSink) {
    this.#native = native;
  }

  static find(name: string): UnitSink {
    return new UnitSink(callNative(() => new (loadGst<GstExports>().UnitSink)(name)));
  }

  onUnit(fn: (unit: EncodedUnit) => void): void {
    this.#native.onUnit(fn);
  }

  /** Units flow only while wanted; unwanted ones cost nothing. */
  want(wanted: boolean): void {
    this.#native.want(wanted);
  }

  close(): void {
    this.#native.close();
  }
}
