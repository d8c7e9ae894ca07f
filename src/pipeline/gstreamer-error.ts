// What it means for a session when an element of its pipeline fails.
import { redactText } from '../core/redact.ts';
import { NAMES } from './launch.ts';
import type { Ending } from './source.ts';

/** An error message of GStreamer's bus as gstreamer-superficial hands it out. */
export interface BusError {
  /** Name of the element that posted it. */
  readonly element: string;
  readonly message: string;
  /** Source line, path and often the real reason, in English whatever the locale. */
  readonly debug: string;
  /** A serialised GstStructure: `rtsp-status-code=(uint)401`, `flow-return=(int)-4`. */
  readonly details: string;
}

/** What elements of a source report when nobody answers; from gstrtspsrc.c, gstrtspconnection.c and gstudpsrc.c. */
const UNREACHABLE =
  /failed to connect|could not (open|connect|resolve|receive any udp|read|write)|connection (refused|reset|closed)|timed? ?out|no route|network is unreachable|server closed|could not receive (message|any)|error (sending|receiving)/i;
const NO_DECODER =
  /missing a plug-?in|no decoder|not-negotiated|not-linked|no suitable|could not determine type|unsupported|no supported stream|contains no|doesn't contain|no element/i;

/** Which end of the session an error means. `maxPixels` describes the bound that the pictures have to pass. */
export function endOf(error: BusError, bound: string): Ending {
  const text = `${error.message} ${error.debug}`;
  const status = Number(/rtsp-status-code=\(uint\)(\d+)/.exec(error.details)?.[1] ?? Number.NaN);
  const cause = causeOf(error);
  if (status === 401 || status === 403) return { end: 'auth_failed', cause: `RTSP ${status}` };
  if (/not[- ]?authori[sz]ed|unauthorized|\(401\)|\(403\)/i.test(text)) {
    return { end: 'auth_failed', cause };
  }
  if (status === 415 || status === 461) return { end: 'unsupported', cause };
  if (!Number.isNaN(status)) return { end: 'unreachable', cause };
  if (error.element === NAMES.branch || error.element === NAMES.units) {
    return { end: 'unsupported', cause };
  }
  if (/not-negotiated/.test(text)) {
    return {
      end: 'unsupported',
      cause: `a picture larger than ${bound}, or of a format that cannot be decoded (${cause})`,
    };
  }
  if (NO_DECODER.test(text)) return { end: 'unsupported', cause };
  if (UNREACHABLE.test(text)) return { end: 'unreachable', cause };
  return { end: 'failed', cause };
}

/**
 * Whether a session's end is the fault of its hardware decoder: it said so itself, or the pictures never came to be while
 * the camera answered. What a camera does wrong, `endOf` has named already.
 */
export function blamesDecoder(error: BusError, { end }: Ending, gavePictures: boolean): boolean {
  if (error.element === NAMES.hardware) return true;
  if (error.element === NAMES.branch) return error.message.startsWith('cannot decode here');
  if (gavePictures || error.element === NAMES.units) return false;
  return end === 'unsupported' || end === 'failed';
}

/** The message and the last line of the debug text, which names the reason; the rest is source positions. */
function causeOf(error: BusError): string {
  const reason = error.debug.split('\n').slice(1).join(' ').trim();
  const message = error.message.trim();
  const text =
    reason === '' || message.includes(reason)
      ? message
      : `${message.replace(/\.$/, '')}: ${reason}`;
  return redactText(text === '' ? 'GStreamer gave no reason' : text);
}
