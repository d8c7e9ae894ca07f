// What agent and camera process tell each other: messages, tickets (orders to print pixels into the arena) and notices of frames.
import type { HardwareDecoders } from './decoder.ts';
import type { Frame } from './frame.ts';
import type { Box, Point } from './geometry.ts';

/** `stretch` ignores the aspect; the others keep it and fill the rest with `pad`. */
export type Fit = 'stretch' | 'corner' | 'centre';

/** How the printed pixels lie in memory. Everything here follows from a model's input. */
export interface PrintFormat {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly layout: 'planar' | 'interleaved';
  readonly order: 'rgb' | 'bgr';
  readonly dtype: 'uint8' | 'float32';
  readonly fit: Fit;
  /** Grey value 0..255 of the letterbox bars, before `mean` and `scale`. */
  readonly pad: number;
  /** float32 only: `(value - mean[c]) * scale[c]`, in `order`, value 0..255. */
  readonly mean: readonly [number, number, number];
  readonly scale: readonly [number, number, number];
}

/** Bytes that one print of this format takes. */
export function printedBytes(format: PrintFormat): number {
  return format.widthPx * format.heightPx * 3 * (format.dtype === 'float32' ? 4 : 1);
}

/** Where in the frame the picture lies inside the printed rectangle, in printed pixels. */
export interface Placement {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** "Print frame `sequence`, this rectangle of it, in this format, at this offset of the arena." */
export interface Ticket {
  readonly sequence: number;
  /** Fractions of the frame. */
  readonly rectangle: Box;
  readonly format: PrintFormat;
  /** Bytes from the start of the arena; 64-byte aligned. */
  readonly offset: number;
  /** The newest decoded frame is printed instead, unless it was for a ticket like this. FFmpeg's frames: as asked for. */
  readonly orNewer?: boolean;
}

/** The frame that was printed in place of the one on the ticket. */
export interface NewerFrame {
  readonly sequence: number;
  readonly ptsNs: number;
  readonly captureMs: number;
}

export type PrintFailure = 'frame_gone' | 'bad_ticket' | 'map_failed';

export type Codec = 'h264' | 'h265' | 'mjpeg' | 'other';
export type DecoderKind = 'gstreamer' | 'ffmpeg';
/**
 * Which frames of a stream are decoded: all, those that others refer to, key frames, or `none`: the stream is opened for
 * its access units, there are no frames and nothing is printed.
 */
export type Decode = 'all' | 'reference' | 'key' | 'none';

/** How motion is judged in the decoded pictures. */
export interface MotionOrder {
  /** Grey levels of 255 by which a spot must change at least. */
  readonly threshold: number;
  /** What stands still for so long is background from then on. */
  readonly fadeSeconds: number;
  /** Polygons in which nothing is looked at. */
  readonly masks: readonly (readonly Point[])[];
}

/** Everything a camera process is told about its camera. Credentials travel only here, over the IPC channel. */
export interface CameraOrder {
  readonly camera: string;
  readonly session: string;
  /** rtsp(s)://, file path, or /dev/videoN; without credentials. */
  readonly source: string;
  readonly username?: string;
  readonly password?: string;
  readonly transport: 'tcp' | 'udp';
  readonly decoder: DecoderKind;
  /** Hardware decoders that were seen to work here; codecs without one are decoded in software. */
  readonly decoders?: HardwareDecoders;
  readonly decode: Decode;
  /** Files: play again at the end. */
  readonly loop: boolean;
  /** Files: at the speed of their timestamps; false: as fast as frames are taken. */
  readonly realtime: boolean;
  /** Upper bound of the coded picture, enforced before the decoder. */
  readonly maxWidthPx: number;
  readonly maxHeightPx: number;
  /**
   * How many of the newest decoded frames stay printable. At most as many of those that were printed last stay
   * besides, so that a still or a crop comes from the very frame that was inferred.
   */
  readonly heldFrames: number;
  /** Absent: motion is not measured. */
  readonly motion?: MotionOrder;
  /** Bytes of the arena whose descriptor is inherited as fd `ARENA_FD`. */
  readonly arenaBytes: number;
}

export const MOST_MOTION_BOXES = 8;
export const MOST_BACKGROUND_CHANGES = 8;

/** File descriptors of a camera process. */
export const ARENA_FD = 4;
export const ENCODED_FD = 5;
/** The memory through which tickets and notices go. */
export const LINK_FD = 6;

export type ToCamera =
  | { readonly kind: 'open'; readonly order: CameraOrder }
  /**
   * About one frame in so many milliseconds of presentation time is to be told of, those nearest to whole intervals from `atMs`
   * on; absent: from the one told of last. Before the first such message: each.
   */
  | { readonly kind: 'notices'; readonly everyMs: number; readonly atMs?: number }
  /** Encoded access units flow on fd `ENCODED_FD` while wanted. */
  | { readonly kind: 'encoded'; readonly wanted: boolean }
  | { readonly kind: 'close' };

/**
 * Why a session ended; the supervisor turns it into a camera state. `decoder_failed`: the hardware decoder did, and
 * software may do better.
 */
export type SessionEnd =
  | 'end_of_stream'
  | 'unreachable'
  | 'auth_failed'
  | 'unsupported'
  | 'decoder_failed'
  | 'failed';

/** A decoded frame that can be printed, as its camera process tells of it through the link: what only the agent knows is missing. */
export interface FrameNotice
  extends Omit<Frame, 'camera' | 'session' | 'arrivedMs' | 'untold' | 'stillMs'> {
  /** Frames of the session that were left out, as the order asks or for lateness; their sequences are missing. */
  readonly skipped: number;
}

export type FromCamera =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'stream';
      readonly codec: Codec;
      readonly widthPx: number;
      readonly heightPx: number;
      readonly fps: number;
      /** The element or program that decodes, e.g. `avdec_h264`. */
      readonly decoder: string;
      /** Pixel format of decoded frames, GStreamer's name: I420, NV12, … */
      readonly pixelFormat: string;
    }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'ended'; readonly end: SessionEnd; readonly cause: string };
