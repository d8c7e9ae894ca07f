// What FFmpeg says on standard error, read line by line: the stream it found, the pictures it writes, when, and why it failed.
import type { Codec } from '../contracts/ticket.ts';
import { redactText } from '../core/redact.ts';
import type { Ending } from './source.ts';

export interface WrittenStream {
  readonly codec: Codec;
  /** FFmpeg's name of the decoder, e.g. `h264`. */
  readonly decoder: string;
  readonly widthPx: number;
  readonly heightPx: number;
  /** 0 when the stream does not say. */
  readonly fps: number;
}

const CODECS: Readonly<Record<string, Codec>> = { h264: 'h264', hevc: 'h265', mjpeg: 'mjpeg' };
/** Spacing that is assumed of the frame before a jump of the time stamps. */
const ASSUMED_STEP_S = 0.04;
const KEPT_LINES = 20;

/** A device that cannot be opened ends FFmpeg; a stream that it cannot decode is decoded in software. */
const NO_DEVICE = /device creation failed|no device available for decoder|unrecognized hwaccel/i;
const AUTH = /401 unauthorized|403 forbidden|authorization failed/i;
const UNREACHABLE =
  /connection (refused|reset|timed out)|no route to host|network is unreachable|failed to resolve|host is down|404 not found|5\d\d |server returned|input\/output error|timed out/i;
const UNSUPPORTED =
  /invalid data found|decoder .* not found|unknown decoder|does not contain any stream|matches no streams|picture size .* invalid|could not find codec|unsupported codec|not implemented|no decoder/i;

/** Lines that describe streams and settings, not troubles. */
const NOISE = /^\s|^$|^(Input|Output|Stream|Press|frame=|video:)|deprecated/;

/** Lines with `-loglevel info`, a `showinfo` filter and one raw video output. */
export class FfmpegReport {
  #section: 'input' | 'output' | undefined;
  #decoder = '';
  #lines: string[] = [];
  #seconds = new Map<number, number>();
  #offsetS = 0;
  #lastS = Number.NaN;

  /** The stream that is written, told by the line that was just read. */
  read(line: string): WrittenStream | undefined {
    if (line.includes('Parsed_showinfo')) {
      const shown = /\bn:\s*(\d+) pts:\s*\S+\s+pts_time:(\S+)/.exec(line);
      if (shown !== null) this.#stamp(Number(shown[1]) + 1, Number(shown[2]));
      return undefined;
    }
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    if (/^Input #/.test(line)) this.#section = 'input';
    else if (/^Output #/.test(line)) this.#section = 'output';
    const video = /^\s*Stream #\d.*?: Video: (\w+)(.*)$/.exec(line);
    if (video === null) return undefined;
    if (this.#section !== 'output') {
      this.#decoder ||= video[1] ?? '';
      return undefined;
    }
    const size = /, (\d+)x(\d+)/.exec(video[2] ?? '');
    return {
      codec: CODECS[this.#decoder] ?? 'other',
      decoder: this.#decoder,
      widthPx: Number(size?.[1] ?? 0),
      heightPx: Number(size?.[2] ?? 0),
      fps: Number(/, ([\d.]+) fps/.exec(video[2] ?? '')?.[1] ?? 0),
    };
  }

  /** When frame `sequence` is shown, in nanoseconds from the first one on, always rising; forgets those before it. */
  takePtsNs(sequence: number): number | undefined {
    const seconds = this.#seconds.get(sequence);
    if (seconds === undefined) return undefined;
    for (const known of this.#seconds.keys()) {
      if (known > sequence) break;
      this.#seconds.delete(known);
    }
    return Math.round(seconds * 1e9);
  }

  /** Why a run that failed did so. */
  ending(bound: string): Ending {
    const text = this.#lines.join('\n');
    const told = this.#lines.filter((line) => !NOISE.test(line));
    const cause = redactText(told.slice(-3).join('; ') || 'FFmpeg gave no reason');
    if (NO_DEVICE.test(text)) return { end: 'decoder_failed', cause };
    if (AUTH.test(text)) return { end: 'auth_failed', cause };
    if (/picture size|max_pixels/i.test(text)) {
      return { end: 'unsupported', cause: `a picture larger than ${bound} (${cause})` };
    }
    if (UNREACHABLE.test(text)) return { end: 'unreachable', cause };
    if (UNSUPPORTED.test(text)) return { end: 'unsupported', cause };
    return { end: 'failed', cause };
  }

  /** A stamp that does not rise, as after the first frame of some cameras, moves all that follow. */
  #stamp(sequence: number, seconds: number): void {
    let shown = (Number.isFinite(seconds) ? seconds : this.#lastS + ASSUMED_STEP_S) + this.#offsetS;
    if (Number.isNaN(this.#lastS)) {
      this.#offsetS -= shown;
      shown = 0;
    } else if (!(shown > this.#lastS)) {
      this.#offsetS += this.#lastS + ASSUMED_STEP_S - shown;
      shown = this.#lastS + ASSUMED_STEP_S;
    }
    this.#lastS = shown;
    this.#seconds.set(sequence, shown);
  }
}
