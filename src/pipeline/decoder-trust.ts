// By what a camera is decoded, and why not by the first choice any more: hardware, then software, then FFmpeg. Never back.
import type { HardwareDecoders } from '../contracts/decoder.ts';
import type { Codec, DecoderKind, SessionEnd } from '../contracts/ticket.ts';

/** What a fault in a library ends with; KILL is the agent's, or the kernel's for want of memory. */
const CRASH = /killed by SIG(SEGV|ABRT|BUS|ILL|FPE)/;

/** What a plan says of decoding. */
interface Choices {
  readonly decoder: DecoderKind;
  readonly decoders?: HardwareDecoders;
  /** FFmpeg may try what GStreamer cannot open. */
  readonly mayUseFfmpeg?: boolean;
}

export class DecoderTrust {
  private readonly choices: Choices;
  private isHardwareLost = false;
  private isGstreamerLost = false;
  private lost: string | null = null;

  constructor(choices: Choices) {
    this.choices = choices;
  }

  /** What failed last, once something did; with another plan or after a restart it may be tried again. */
  get reason(): string | null {
    return this.lost;
  }

  /** What a session's order gets. */
  get order(): { readonly decoder: DecoderKind; readonly decoders?: HardwareDecoders } {
    const { decoder, decoders } = this.choices;
    if (this.isGstreamerLost) return { decoder: 'ffmpeg' };
    return decoders === undefined || this.isHardwareLost ? { decoder } : { decoder, decoders };
  }

  /**
   * Judges a session that is over: what decodes instead at once, when its decoder is to blame; each choice goes once. `end` is
   * undefined when the process said nothing, `codec` before a stream was seen. In software a crash says nothing of a driver.
   */
  loses(
    end: SessionEnd | undefined,
    codec: Codec | undefined,
    cause: string,
  ): 'software' | 'FFmpeg' | undefined {
    const { decoder, decoders } = this.order;
    const isInUse = codec === undefined || (codec !== 'other' && decoders?.[codec] !== undefined);
    const isBlamed =
      end === 'decoder_failed' || (end === undefined && isInUse && CRASH.test(cause));
    if (decoders !== undefined && isBlamed) {
      this.isHardwareLost = true;
      this.lost = cause;
      return 'software';
    }
    const isUnknown = end === 'unsupported' && codec === undefined;
    if (decoder === 'ffmpeg' || this.choices.mayUseFfmpeg !== true || !isUnknown) return undefined;
    this.isGstreamerLost = true;
    this.lost = cause;
    return 'FFmpeg';
  }
}
