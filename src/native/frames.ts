// What the elements `vedetteframes` and `vedetteunits` of this process hold: decoded frames to print from, encoded units.
import type { BackgroundChange, CaptureClock } from '../contracts/frame.ts';
import type { Box } from '../contracts/geometry.ts';
import type {
  MotionOrder,
  NewerFrame,
  Placement,
  PrintFailure,
  PrintFormat,
  Ticket,
} from '../contracts/ticket.ts';
import type { Arena } from './arena.ts';
import { callNative, loadGst } from './binding.ts';

/** A decoded frame that can be printed for as long as it is among the newest few. */
export interface FrameNotice {
  readonly sequence: number;
  readonly ptsNs: number;
  readonly captureMs: number;
  readonly captureClock: CaptureClock;
  readonly widthPx: number;
  readonly heightPx: number;
  /** 0 when the stream does not say. */
  readonly fps: number;
  /** GStreamer's name: I420, NV12, … */
  readonly pixelFormat: string;
  /** How many frames of the session were not decoded because the order asks for less; they have sequences, too. */
  readonly skipped: number;
  /** Share of the picture that moves; 1 when nobody measured it. */
  readonly motion: number;
  /** Around what moves; absent when nobody measured it. */
  readonly motionBoxes?: readonly Box[];
  /** As of the last full second of the stream; absent when nobody measured it. */
  readonly backgroundChanges?: readonly BackgroundChange[];
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

export interface Printed {
  readonly placement: Placement;
  readonly bytes: number;
  readonly tookUs: number;
  /** What was printed instead, as the ticket allowed. */
  readonly newer?: NewerFrame;
}

interface NativeFrameSink {
  onFrame(fn: (frame: FrameNotice) => void): void;
  noticeEvery(milliseconds: number): void;
  watchMotion(motion: MotionOrder): void;
  print(
    sequence: number,
    rectangle: Box,
    format: PrintFormat,
    memory: Uint8Array,
    offset: number,
    orNewer: boolean,
  ): Printed | PrintFailure;
  continueTimeline(): void;
  pass(sequence: number): void;
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
   * Only the newest frame is told of; what came between two calls shows as a gap in `sequence`. When it is still and
   * one of those moved, it is told with their motion.
   */
  onFrame(fn: (frame: FrameNotice) => void): void {
    this.#native.onFrame(fn);
  }

  /** From now on about one frame in so many milliseconds of presentation time is told of; 0, as in the beginning: each. */
  noticeEvery(milliseconds: number): void {
    callNative(() => this.#native.noticeEvery(milliseconds));
  }

  /**
   * Motion is measured from the next start of the element on: on its thread, in at most 16 frames a second of
   * presentation time, about 0.1 ms each; frames between them repeat the last result. Not where reading the decoder's
   * memory takes longer than 3 ms.
   */
  watchMotion(motion: MotionOrder): void {
    callNative(() => this.#native.watchMotion(motion));
  }

  /** One pass from decoder memory into the arena, on this thread: about a millisecond for a 1080p frame. */
  print(ticket: Ticket, arena: Arena): Printed | PrintFailure {
    const { sequence, rectangle, format, offset, orNewer = false } = ticket;
    return callNative(() =>
      this.#native.print(sequence, rectangle, format, arena.memory, offset, orNewer),
    );
  }

  /** Nobody will print this frame or those before it: a source that waits for its reader goes on. */
  pass(sequence: number): void {
    this.#native.pass(sequence);
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
