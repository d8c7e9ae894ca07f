// What the two decoders of a camera process have in common.
import type { Codec } from '../contracts/ticket.ts';
import type { EncodedUnit, StreamLook } from '../native/frames.ts';
import type { Confinement } from '../native/sandbox.ts';
import type { Ending } from './source.ts';

export interface StreamInfo extends StreamLook {
  readonly codec: Codec;
  readonly decoder: string;
}

/** Of frames the agent is told, and has them printed, through the camera link; here nobody hears of them. */
export interface DecoderListener {
  /** With the first frame, and whenever size or format change. */
  stream(info: StreamInfo): void;
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
  /** Of other frames than those nearest to whole intervals of presentation time, from `atMs` on if given, nobody wants to hear. */
  noticeEvery(everyMs: number, atMs?: number): void;
  wantEncoded(wanted: boolean): void;
  /** Resolves when no thread or process of the decoder runs any more. */
  stop(): Promise<void>;
}
