// The entry of a camera process: one camera, one session, told what to do over the IPC channel (contracts/ticket.ts).
//
// Nothing here is worth saving. The process ends when the session ends, when the agent says `close`, when it gets SIGTERM and
// when the agent is gone; what does not stop within a second is killed together with the process.
import { Socket } from 'node:net';
import {
  ARENA_FD,
  type CameraOrder,
  type Codec,
  ENCODED_FD,
  type FromCamera,
  LINK_FD,
  type ToCamera,
} from '../contracts/ticket.ts';
import { causeText, isCode } from '../core/errors.ts';
import { redact, redactText } from '../core/redact.ts';
import { Arena } from '../native/arena.ts';
import { cameraLinkBytes } from '../native/camera-link.ts';
import type { EncodedUnit } from '../native/frames.ts';
import { type Confinement, confine, dieWithParent } from '../native/sandbox.ts';
import { FfmpegDecoder } from './decode-ffmpeg.ts';
import { GstreamerDecoder } from './decode-gstreamer.ts';
import type { Decoder, DecoderListener } from './decoder.ts';
import { EncodedWriter } from './encoded-pipe.ts';
import { type Ending, parseSource, type Source } from './source.ts';

const STOP_LIMIT_MS = 1000;

/**
 * Access units pass through buffers of which V8 sees the small objects in front only: by itself it let 20 MB of them pile up.
 * Collecting the young ones takes about a millisecond.
 */
const COLLECT_AFTER_BYTES = 1 << 19;

class CameraProcess {
  #decoder: Decoder | undefined;
  #encoded: EncodedWriter | undefined;
  #unitBytes = 0;
  #leaving = false;

  receive(message: ToCamera): void {
    if (message.kind === 'open') this.#open(message.order);
    else if (message.kind === 'notices') this.#decoder?.noticeEvery(message.everyMs, message.atMs);
    else if (message.kind === 'encoded') this.#wantEncoded(message.wanted);
    else this.leave(0);
  }

  /** Stops the decoder and ends the process, by force if it has to be. */
  leave(code: number, last?: FromCamera): void {
    if (this.#leaving) return;
    this.#leaving = true;
    const limit = setTimeout(() => process.kill(process.pid, 'SIGKILL'), STOP_LIMIT_MS);
    const told = new Promise<void>((resolve) => {
      if (last === undefined || !process.connected) resolve();
      else process.send?.(last, undefined, undefined, () => resolve());
    });
    void Promise.all([told, this.#decoder?.stop()]).finally(() => {
      clearTimeout(limit);
      process.exit(code);
    });
  }

  #open(order: CameraOrder): void {
    process.title = `vedette: camera ${order.camera}${order.decode === 'none' ? ' (record)' : ''}`;
    try {
      const source = parseSource(order.source);
      if ('end' in source) {
        this.#end(source);
        return;
      }
      const needs = this.#load(order, source);
      const report = confine({ ...needs, dataBytes: memoryFor(order) });
      this.log('debug', 'confined', { ...report });
      this.#decoder?.start();
    } catch (error) {
      this.#end({ end: 'failed', cause: causeText(error) });
    }
  }

  /** What only records needs no memory. Else the decoder of the order, or FFmpeg on a machine whose GStreamer is not there or cannot decode. */
  #load(order: CameraOrder, source: Source): Confinement {
    const listener = this.#listener();
    if (order.decode === 'none') {
      this.#decoder = new GstreamerDecoder(order, source, undefined, listener);
      return this.#decoder.load();
    }
    const memory = {
      arena: Arena.map(ARENA_FD, order.arenaBytes),
      link: Arena.map(LINK_FD, cameraLinkBytes()),
    };
    let toDecode = order;
    if (order.decoder === 'gstreamer') {
      try {
        this.#decoder = new GstreamerDecoder(order, source, memory, listener);
        return this.#decoder.load();
      } catch (error) {
        if (!isCode(error, 'NATIVE_UNAVAILABLE')) throw error;
        this.log('warn', 'FFmpeg decodes instead of GStreamer', { cause: error.message });
        const { decoders: _ofGstreamer, ...rest } = order;
        toDecode = rest;
      }
    }
    this.#decoder = new FfmpegDecoder(toDecode, source, memory, listener);
    return this.#decoder.load();
  }

  #listener(): DecoderListener {
    return {
      stream: (info) => this.#send({ kind: 'stream', ...info }),
      unit: (codec, unit) => this.#writeUnit(codec, unit),
      log: (level, message, fields = {}) => this.log(level, message, fields),
      ended: (ending) => this.#end(ending),
    };
  }

  #wantEncoded(wanted: boolean): void {
    if (wanted && this.#encoded === undefined) {
      try {
        const pipe = new Socket({ fd: ENCODED_FD, readable: false, writable: true });
        pipe.on('error', (error) => {
          this.log('warn', 'the encoded pipe is broken', { cause: error.message });
          this.#decoder?.wantEncoded(false);
        });
        this.#encoded = new EncodedWriter(pipe);
      } catch (error) {
        this.log('warn', 'no encoded pipe', { cause: causeText(error) });
        return;
      }
    }
    this.#encoded?.restart();
    this.#decoder?.wantEncoded(wanted);
  }

  #writeUnit(codec: Codec, unit: EncodedUnit): void {
    if (codec === 'other' || this.#encoded === undefined) return;
    const before = this.#encoded.dropped;
    this.#encoded.write({ ...unit, codec });
    this.#collectUnits(unit.data.length);
    const dropped = this.#encoded.dropped;
    if (dropped > before && Math.log2(dropped) % 1 === 0) {
      this.log('warn', 'access units dropped: the agent does not keep up', { dropped });
    }
  }

  #collectUnits(bytes: number): void {
    this.#unitBytes += bytes;
    if (this.#unitBytes < COLLECT_AFTER_BYTES) return;
    this.#unitBytes = 0;
    globalThis.gc?.({ type: 'minor' });
  }

  #end(ending: Ending): void {
    this.leave(0, { kind: 'ended', end: ending.end, cause: redactText(ending.cause) });
  }

  log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: Record<string, unknown>,
  ): void {
    this.#send({
      kind: 'log',
      level,
      message: redactText(message),
      fields: redact(fields) as Record<string, unknown>,
    });
  }

  #send(message: FromCamera): void {
    if (!this.#leaving && process.connected) process.send?.(message, () => {});
  }
}

/**
 * Private memory a session may take: what Node and the decoder's libraries need, and the pictures that a decoder
 * holds at once (16 references, threads, our held ones). A stream that hides its coded size behind a crop fails here.
 */
function memoryFor(order: CameraOrder): number {
  const pictureBytes = (order.maxWidthPx * order.maxHeightPx * 3) / 2;
  return 512 * 2 ** 20 + (24 + 2 * order.heldFrames) * pictureBytes;
}

// GStreamer translates its messages; source.ts reads them in English.
process.env.LC_ALL = 'C';
// GIO would ask the desktop's settings for a proxy; a camera is reached directly.
process.env.GIO_USE_PROXY_RESOLVER = 'dummy';
process.env.GSETTINGS_BACKEND = 'memory';
const camera = new CameraProcess();
process.on('message', (message: ToCamera) => camera.receive(message));
process.on('disconnect', () => camera.leave(0));
process.on('SIGTERM', () => camera.leave(0));
process.on('SIGINT', () => {
  // Ctrl-C reaches the whole process group; the agent closes its cameras itself.
});
process.on('uncaughtException', (error) => {
  camera.log('error', 'defect in the camera process', { cause: error.stack ?? error.message });
  camera.leave(70);
});
dieWithParent();
process.send?.({ kind: 'ready' } satisfies FromCamera);
