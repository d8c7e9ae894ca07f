// Whether a camera is decoded in hardware, and why not any more. Software is the next choice, never a second try.
import type { HardwareDecoders } from '../contracts/decoder.ts';
import type { Codec, SessionEnd } from '../contracts/ticket.ts';

/** What a fault in a library ends with; KILL is the agent's, or the kernel's for want of memory. */
const CRASH = /killed by SIG(SEGV|ABRT|BUS|ILL|FPE)/;

export class HardwareTrust {
  private readonly known: HardwareDecoders | undefined;
  private lost: string | null = null;

  constructor(decoders: HardwareDecoders | undefined) {
    this.known = decoders;
  }

  /** What failed, once it did; with other decoders or after a restart it may be tried again. */
  get reason(): string | null {
    return this.lost;
  }

  /** What a session's order gets. */
  get order(): { readonly decoders?: HardwareDecoders } {
    return this.known === undefined || this.lost !== null ? {} : { decoders: this.known };
  }

  /**
   * Judges a session that is over: true when its hardware decoder is to blame, once at most. `end` is undefined when
   * the process said nothing, `codec` before a stream was seen. In software a crash says nothing of a driver.
   */
  loses(end: SessionEnd | undefined, codec: Codec | undefined, cause: string): boolean {
    const { decoders } = this.order;
    if (decoders === undefined) return false;
    const isInUse = codec === undefined || (codec !== 'other' && decoders[codec] !== undefined);
    const isBlamed =
      end === 'decoder_failed' || (end === undefined && isInUse && CRASH.test(cause));
    if (isBlamed) this.lost = cause;
    return isBlamed;
  }
}
