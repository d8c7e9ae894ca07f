// A camera as the rest of the agent sees it.
import type { Codec } from './ticket.ts';

export type CameraState =
  | 'connecting'
  | 'live'
  | 'stalled'
  | 'auth_failed'
  | 'unsupported'
  | 'ended'
  | 'disabled';

/** The stream that clips are made of, where it is not the one that is decoded. */
export interface RecordStatus {
  readonly state: CameraState;
  /** Pictures received per second. */
  readonly fps: number;
  readonly codec: Codec | null;
  readonly frame_size: readonly [number, number] | null;
  readonly last_error: string | null;
}

/** Wire record: the retained payload of `cam/<c>/status`. */
export interface CameraStatus {
  readonly camera: string;
  readonly state: CameraState;
  /** ISO time of the last change of state. */
  readonly since: string;
  /** Decoded frames per second over the last seconds. */
  readonly fps: number;
  readonly codec: Codec | null;
  readonly decoder: string | null;
  /** Why software decodes although a hardware decoder was chosen. */
  readonly decoder_fallback: string | null;
  /** Frames that were not decoded since the agent started, because `decode` asks for fewer than all. */
  readonly skipped_frames: number;
  readonly frame_size: readonly [number, number] | null;
  readonly reconnects_1h: number;
  readonly last_error: string | null;
  /** ISO time at which it is tried again; null while a session runs or nothing is wanted. */
  readonly next_attempt: string | null;
  /** Absent: there is no second stream, or nobody wants clips of it now. */
  readonly record?: RecordStatus;
}
