// What the two decoders of a camera process have in common.
import type { Codec, PrintFailure, Ticket } from '../contracts/ticket.ts';
import type { EncodedUnit, FrameNotice, Printed } from '../native/frames.ts';
import type { Confinement } from '../native/sandbox.ts';
import type { Ending } from './source.ts';

export interface StreamInfo {
  readonly codec: Codec;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly fps: number;
  readonly decoder: string;
  readonly pixelFormat: string;
}

export interface DecoderListener {
  /** Before the first frame, and whenever size or format change. */
  stream(info: StreamInfo): void;
  frame(notice: FrameNotice): void;
  unit(codec: Codec, unit: EncodedUnit): void;
  log(level: 'debug' | 'info' | 'warn', message: string, fields?: Record<string, unknown>): void;
  /** Once, unless `stop` was called before. */
  ended(ending: Ending): void;
}

export interface Decoder {
  /** Loads what has to be there before the process is confined, and says what the decoder needs after that. */
  load(): Confinement;
  /** Whether the camera answers is heard through the listener. */
  start(): void;
  print(ticket: Ticket): Printed | PrintFailure;
  /** Nobody will print this frame or those before it: a source that waits for its reader goes on. */
  pass(sequence: number): void;
  /** Of more frames than about one in so many milliseconds of presentation time nobody wants to hear. */
  noticeEvery(milliseconds: number): void;
  wantEncoded(wanted: boolean): void;
  /** Resolves when no thread or process of the decoder runs any more. */
  stop(): Promise<void>;
}
