// Memory that the agent shares with one camera process: tickets go in, answers and notices of frames come out. Neither waits
// for an event loop: the camera process prints on a thread of its own, and a session waits for prints on its own, too.
import { closeSync } from 'node:fs';
import type { Box } from '../contracts/geometry.ts';
import type { PrintFailure, PrintFormat, Ticket } from '../contracts/ticket.ts';
import { callNative, loadNative } from './binding.ts';

/** Opaque: what `Session.runPrinted` waits for. */
export interface NativeCameraLink {
  fd(): number;
  ask(
    sequence: number,
    rectangle: Box,
    format: PrintFormat,
    offset: number,
    orNewer: boolean,
    isHeard: boolean,
    neededFrom: number,
  ): number;
  pass(sequence: number): void;
  isAnswered(ticket: number): boolean;
  take(ticket: number, into: Float64Array): void;
  takeNotice(into: Float64Array): boolean;
  waiting(): number;
  close(): void;
}

interface NativeCameraEnd {
  tell(notice: Float64Array): boolean;
  answer(answer: Float64Array): number;
}

interface LinkExports {
  CameraLink: new (onWake: () => void) => NativeCameraLink;
  CameraEnd: new (memory: Uint8Array) => NativeCameraEnd;
  cameraLinkBytes: number;
}

/** What a camera process has to map. */
export function cameraLinkBytes(): number {
  return loadNative<LinkExports>().cameraLinkBytes;
}

/** A ticket that a camera process has. */
export interface AskedPrint {
  readonly link: NativeCameraLink;
  readonly ticket: number;
}

/** `link::Answer` of native/core/camera_link.hpp: outcome, x, y, w, h, tookUs, isNewer, sequence, ptsNs, captureMs. */
const ANSWER_NUMBERS = 10;
/**
 * `link::Notice`: sequence, ptsNs, captureMs, isRtcp, widthPx, heightPx, skipped, motion, the number of boxes or -1, 8 boxes, the
 * number of background changes or -1, 8 changes of box, ageMs and kind, the camera's shift in x and y.
 */
export const NOTICE_NUMBERS = 92;

/** The agent's end. What comes out was written by a process that is not trusted: numbers, which may be any. */
export class CameraLink {
  readonly #native: NativeCameraLink;
  readonly #numbers = new Float64Array(NOTICE_NUMBERS);
  #fd: number;

  /** `onWake`: there may be notices, or answers to heard tickets. Keeps the event loop alive until `close`. */
  constructor(onWake: () => void) {
    this.#native = callNative(() => new (loadNative<LinkExports>().CameraLink)(onWake));
    this.#fd = this.#native.fd();
  }

  /** For `stdio` of the camera process; -1 after `closeFd`. */
  get fd(): number {
    return this.#fd;
  }

  /** Once the camera process has its own. */
  closeFd(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  /**
   * `isHeard`: the link wakes for the answer. No frame before `neededFrom` will be asked for again; 0: any may be. Every
   * ticket asked for is to be taken, once, when nobody waits for it.
   */
  ask(ticket: Ticket, isHeard: boolean, neededFrom = 0): AskedPrint | PrintFailure {
    const { sequence, rectangle, format, offset, orNewer = false } = ticket;
    const asked = callNative(() =>
      this.#native.ask(sequence, rectangle, format, offset, orNewer, isHeard, neededFrom),
    );
    if (asked < 0) return asked === -2 ? 'bad_ticket' : 'frame_gone';
    return { link: this.#native, ticket: asked };
  }

  /** Nobody will print this frame or those before it: a source that waits for its reader goes on. */
  pass(sequence: number): void {
    this.#native.pass(sequence);
  }

  isAnswered({ ticket }: AskedPrint): boolean {
    return this.#native.isAnswered(ticket);
  }

  /** The answer, or that the frame is gone. Valid until the next call. */
  take({ ticket }: AskedPrint): Float64Array {
    this.#native.take(ticket, this.#numbers);
    return this.#numbers.subarray(0, ANSWER_NUMBERS);
  }

  /** Valid until the next call; undefined when there is none. */
  takeNotice(): Float64Array | undefined {
    return this.#native.takeNotice(this.#numbers) ? this.#numbers : undefined;
  }

  /** Tickets that are not answered; -1 when the camera process counts as none does. */
  get waiting(): number {
    return this.#native.waiting();
  }

  /** The camera process is gone: nobody waits for its answers any more. */
  close(): void {
    this.closeFd();
    this.#native.close();
  }
}

/** The other end, for a program that plays a camera without having frames. */
export class CameraEnd {
  readonly #native: NativeCameraEnd;

  constructor(memory: Uint8Array) {
    this.#native = callNative(() => new (loadNative<LinkExports>().CameraEnd)(memory));
  }

  /** False when the agent has not read the ones before. */
  tell(notice: Float64Array): boolean {
    return this.#native.tell(notice);
  }

  /** Answers the oldest ticket; returns the offset that it named, -1 when there is none. */
  answer(answer: Float64Array): number {
    return this.#native.answer(answer);
  }
}
