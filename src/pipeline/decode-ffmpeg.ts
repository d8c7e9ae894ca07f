// Stage `decode` with FFmpeg, for what GStreamer cannot open: raw frames come through a FIFO into native memory.
import { execFileSync } from 'node:child_process';
import { accessSync, closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import type ffmpeg from 'fluent-ffmpeg';
import type { CameraOrder } from '../contracts/ticket.ts';
import { FrameRing, type RawFrame } from '../native/frame-ring.ts';
import type { CameraMemory } from '../native/frames.ts';
import type { Confinement } from '../native/sandbox.ts';
import type { Decoder, DecoderListener } from './decoder.ts';
import { FfmpegReport, type WrittenStream } from './ffmpeg-report.ts';
import type { Source } from './source.ts';

/** As for GStreamer: how long an unpaced file waits for a frame to be printed. */
const PATIENCE_MS = 1000;
/** FFmpeg's words. It does not say how many it left out, so those frames have no sequences. */
const SKIP = { all: 'default', reference: 'noref', key: 'nokey', none: 'all' } as const;

export class FfmpegDecoder implements Decoder {
  readonly #order: CameraOrder;
  readonly #source: Source;
  readonly #memory: CameraMemory;
  readonly #listener: DecoderListener;
  readonly #report = new FfmpegReport();
  #folder = '';
  #readEnd = -1;
  #command: ffmpeg.FfmpegCommand | undefined;
  #ring: FrameRing | undefined;
  #waiting: RawFrame | undefined;
  #firstMs: number | undefined;
  #result: 'end' | 'error' | undefined;
  #ringEnded = true;
  #over = false;
  #gone: () => void = () => {};

  constructor(order: CameraOrder, source: Source, memory: CameraMemory, listener: DecoderListener) {
    this.#order = order;
    this.#source = source;
    this.#memory = memory;
    this.#listener = listener;
  }

  load(): Confinement {
    const program = findProgram('ffmpeg');
    fluentFfmpeg().setFfmpegPath(program);
    this.#folder = mkdtempSync(path.join(tmpdir(), 'vedette-frames-'));
    execFileSync(findProgram('mkfifo'), [this.#fifo]);
    this.#readEnd = openSync(this.#fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    return {
      execute: [program],
      write: [this.#folder],
      ...(this.#source.kind === 'file' ? { read: [this.#source.path] } : {}),
    };
  }

  start(): void {
    const order = this.#order;
    const pixels = order.maxWidthPx * order.maxHeightPx;
    const command = fluentFfmpeg()()
      .input(inputOf(order, this.#source))
      .inputOptions([
        ...['-hide_banner', '-nostats', '-noautorotate', '-max_pixels', String(pixels)],
        ...['-threads', '2', '-skip_frame', SKIP[order.decode]],
        ...[...hardware(order), ...inputOptions(order, this.#source)],
      ])
      .output(this.#fifo)
      .outputOptions([
        ...['-map', '0:v:0', '-an', '-sn', '-dn', '-vsync', 'passthrough'],
        ...['-vf', 'showinfo=checksum=0', '-pix_fmt', 'yuv420p', '-f', 'rawvideo'],
      ])
      .on('stderr', (line: string) => this.#read(line))
      .on('end', () => this.#finish('end'))
      .on('error', () => this.#finish('error'));
    this.#command = command;
    command.run();
  }

  /** Each frame is told of: its time comes as a line of text, for which this process wakes anyway. */
  noticeEvery(): void {}

  wantEncoded(wanted: boolean): void {
    if (!wanted) return;
    this.#listener.log(
      'warn',
      'FFmpeg decodes this camera: no access units, so no clips and no live view',
    );
  }

  stop(): Promise<void> {
    this.#over = true;
    this.#ring?.close();
    if (this.#command === undefined || this.#result !== undefined) {
      this.#clean();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#gone = resolve;
      this.#command?.kill('SIGKILL');
    });
  }

  get #fifo(): string {
    return path.join(this.#folder, 'frames');
  }

  #read(line: string): void {
    const stream = this.#report.read(line);
    if (this.#over) return;
    if (stream !== undefined && this.#ring === undefined) this.#open(stream);
    this.#tell();
  }

  #open(stream: WrittenStream): void {
    const { realtime, heldFrames, motion } = this.#order;
    const pixelFormat = 'I420';
    this.#listener.stream({ ...stream, decoder: `ffmpeg ${stream.decoder}`, pixelFormat });
    this.#ringEnded = false;
    this.#ring = FrameRing.open(
      this.#readEnd,
      {
        ...{ widthPx: stream.widthPx, heightPx: stream.heightPx, pixelFormat },
        ...{ fps: stream.fps, held: heldFrames, motion },
        patienceMs: this.#source.kind === 'file' && !realtime ? PATIENCE_MS : 0,
      },
      {
        frame: (frame) => {
          this.#waiting = frame;
          this.#tell();
        },
        end: () => {
          this.#ringEnded = true;
          this.#end();
        },
      },
    );
    this.#ring.serve(this.#memory);
    this.#clean();
  }

  /** The time of a frame comes on standard error, mostly before the frame itself. */
  #tell(): void {
    const frame = this.#waiting;
    if (frame === undefined || this.#over) return;
    const ptsNs = this.#report.takePtsNs(frame.sequence);
    if (ptsNs === undefined) return;
    this.#waiting = undefined;
    this.#firstMs ??= frame.captureMs;
    const isPaced = this.#source.kind !== 'file' || this.#order.realtime;
    const captureMs = isPaced ? frame.captureMs : this.#firstMs + ptsNs / 1e6;
    this.#ring?.tell({ sequence: frame.sequence, ptsNs, captureMs });
  }

  #finish(result: 'end' | 'error'): void {
    this.#result = result;
    this.#gone();
    this.#end();
  }

  /** Once FFmpeg is gone and all that it wrote was read. */
  #end(): void {
    if (this.#over || this.#result === undefined || !this.#ringEnded) return;
    this.#over = true;
    this.#ring?.close();
    this.#clean();
    const bound = `${this.#order.maxWidthPx}x${this.#order.maxHeightPx}`;
    this.#listener.ended(
      this.#result === 'end'
        ? { end: 'end_of_stream', cause: 'the stream is over' }
        : this.#report.ending(bound),
    );
  }

  #clean(): void {
    if (this.#readEnd >= 0) closeSync(this.#readEnd);
    this.#readEnd = -1;
    try {
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // A confined process may not; the folder holds nothing but the FIFO's name.
    }
  }
}

/** A path, or for RTSP a playlist on standard input: arguments are for everybody to see, and URLs hold passwords. */
function inputOf(order: CameraOrder, source: Source): string | Readable {
  if (source.kind !== 'rtsp') return source.kind === 'file' ? `file:${source.path}` : source.path;
  return Readable.from([rtspPlaylist(order, source.url)]);
}

export function rtspPlaylist(order: CameraOrder, url: string): string {
  const full = new URL(url);
  full.username = encodeURIComponent(order.username ?? '');
  full.password = encodeURIComponent(order.password ?? '');
  return [
    'ffconcat version 1.0',
    `file '${full.href.replaceAll("'", '%27')}'`,
    `option rtsp_transport ${order.transport}`,
    '',
  ].join('\n');
}

function inputOptions(order: CameraOrder, source: Source): string[] {
  switch (source.kind) {
    case 'rtsp':
      return [
        ...['-f', 'concat', '-safe', '0'],
        ...['-protocol_whitelist', 'pipe,rtsp,rtsps,rtp,tcp,udp,tls'],
        ...['-fflags', 'nobuffer'],
      ];
    case 'device':
      return ['-f', 'v4l2'];
    case 'file':
      return [
        ...['-protocol_whitelist', 'file'],
        ...(order.loop ? ['-stream_loop', '-1'] : []),
        ...(order.realtime ? ['-re'] : []),
      ];
  }
}

/**
 * One hwaccel for every codec: FFmpeg brings the pictures out by itself, and goes on in software, saying so, for a
 * stream that the device cannot decode.
 */
function hardware({ decoders = {} }: CameraOrder): string[] {
  const chosen = Object.values(decoders).find((name) => /^[a-z0-9_]+$/.test(name));
  return chosen === undefined ? [] : ['-hwaccel', chosen];
}

/** At first use: it takes 50 ms and a megabyte, and most camera processes decode with GStreamer. */
function fluentFfmpeg(): typeof ffmpeg {
  return createRequire(import.meta.url)('fluent-ffmpeg') as typeof ffmpeg;
}

function findProgram(name: string): string {
  const folders = ['/usr/local/bin', '/usr/bin', '/bin'];
  for (const folder of folders) {
    const candidate = path.join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // The next folder.
    }
  }
  throw new Error(`${name} is not installed (looked in ${folders.join(', ')})`);
}
