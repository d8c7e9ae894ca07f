// Stage `decode` with GStreamer: runs one pipeline in a camera process. Frames stay native; units come as buffers.
// A stream that is only recorded goes through the same pipeline up to its units, and no further.
import { createRequire } from 'node:module';
import type { CameraOrder } from '../contracts/ticket.ts';
import { AgentError } from '../core/errors.ts';
import {
  type CameraMemory,
  type EncodedUnit,
  FrameSink,
  hasElement,
  registerElements,
  type StreamLook,
  UnitSink,
} from '../native/frames.ts';
import type { Confinement } from '../native/sandbox.ts';
import type { Decoder, DecoderListener, StreamInfo } from './decoder.ts';
import { type BusError, blamesDecoder, endOf } from './gstreamer-error.ts';
import { type Branch, branchLines, canDecode, type Launch, launch, NAMES } from './launch.ts';
import type { Ending, Source } from './source.ts';

/** Hardware that hangs takes access units and says nothing. The slowest decoder gives a picture for its sixteenth. */
const FIRST_PICTURE_LIMIT_MS = 8000;
const WATCH_EVERY_MS = 500;

/** The part of gstreamer-superficial that is used here; it has no types of its own. */
interface Pipeline {
  play(): void;
  stop(): void;
  findChild(name: string): Record<string, string | number | boolean> | undefined;
  /** Calls back for every message until the pipeline is stopped when a callback returns. */
  pollBus(fn: (message: BusMessage) => void): void;
}

type PipelineClass = new (line: string) => Pipeline;

interface BusMessage {
  readonly type: string;
  readonly name?: string;
  readonly message?: string;
  readonly debug?: string;
  readonly details?: string;
  readonly stream?: string;
  readonly _src_element_name?: string;
}

export class GstreamerDecoder implements Decoder {
  readonly #order: CameraOrder;
  readonly #source: Source;
  readonly #memory: CameraMemory | undefined;
  readonly #listener: DecoderListener;
  #Pipeline: PipelineClass | undefined;
  #launch: Launch | undefined;
  #pipeline: Pipeline | undefined;
  #frames: FrameSink | undefined;
  #units: UnitSink | undefined;
  #known: Branch | undefined;
  #stream: StreamInfo | undefined;
  /** As the file began to play, last time. */
  #framesBefore = 0;
  #unitsSeen = 0;
  #timeline: UnitTimeline | undefined;
  #watch: NodeJS.Timeout | undefined;
  #stopped: (() => void) | undefined;
  #over = false;

  /** Without memory nothing can be printed; enough for a stream that is not decoded. */
  constructor(
    order: CameraOrder,
    source: Source,
    memory: CameraMemory | undefined,
    listener: DecoderListener,
  ) {
    this.#order = order;
    this.#source = source;
    this.#memory = memory;
    this.#listener = listener;
  }

  /** GStreamer may write its list of plugins anew, and start a program to do so: only before the process is confined. */
  load(): Confinement {
    registerElements();
    if (this.#order.decode !== 'none' && !canDecode(this.#order, hasElement)) {
      throw new AgentError('NATIVE_UNAVAILABLE', {
        name: 'GStreamer',
        cause: 'it has no H.264 decoder (Debian: apt install gstreamer1.0-libav)',
      });
    }
    this.#Pipeline = (
      createRequire(import.meta.url)('gstreamer-superficial') as { Pipeline: PipelineClass }
    ).Pipeline;
    for (const [codec, element] of Object.entries(this.#order.decoders ?? {})) {
      if (hasElement(element)) continue;
      this.#listener.log('warn', 'the chosen decoder is not there', { codec, element });
    }
    return this.#source.kind === 'file' ? { read: [this.#source.path] } : {};
  }

  start(): void {
    if (this.#Pipeline === undefined) throw new Error('start before load');
    this.#launch = launch(this.#order, this.#source, hasElement);
    this.#listener.log('debug', 'launch', { line: this.#launch.line });
    const pipeline = new this.#Pipeline(this.#launch.line);
    this.#pipeline = pipeline;
    Object.assign(child(pipeline, NAMES.branch), { lines: branchLines(this.#launch.branches) });
    Object.assign(child(pipeline, this.#launch.sourceName), this.#launch.source);
    if (this.#memory === undefined) this.#timeline = new UnitTimeline();
    else this.#serveFrames(this.#memory);
    this.#units = UnitSink.find(NAMES.units);
    this.#units.onUnit((unit) => this.#onUnit(unit));
    pipeline.pollBus((message) => this.#onMessage(message));
    pipeline.play();
  }

  /** A file that waits for its reader tells of every frame. */
  noticeEvery(everyMs: number, atMs?: number): void {
    if (this.#source.kind !== 'file' || this.#order.realtime)
      this.#frames?.noticeEvery(everyMs, atMs);
  }

  wantEncoded(wanted: boolean): void {
    this.#units?.want(wanted);
    if (wanted && this.#branch?.codec === 'other') {
      this.#listener.log(
        'warn',
        'this stream is neither H.264, H.265 nor MJPEG: no clips, no live view',
      );
    }
  }

  stop(): Promise<void> {
    const pipeline = this.#pipeline;
    if (this.#over || pipeline === undefined) return Promise.resolve();
    this.#over = true;
    return new Promise((resolve) => {
      this.#stopped = resolve;
      // A thread waits on the bus without a limit; it ends only after a message whose callback stops the pipeline.
      child(pipeline, NAMES.branch).wake = true;
    });
  }

  #onMessage(message: BusMessage): void {
    if (this.#over) {
      this.#close();
      return;
    }
    if (message.type === 'error') this.#onError(message);
    else if (message.type === 'warning') {
      this.#listener.log('debug', 'GStreamer warns', { cause: message.debug ?? message.message });
    } else if (message.type === 'eos') this.#onEndOfStream();
    else if (message.name === 'vedette-branch') this.#onBranch(message);
  }

  /** Asked of the element: the first frames and units overtake its message on the bus. */
  get #branch(): Branch | undefined {
    if (this.#known === undefined && this.#pipeline !== undefined) {
      this.#known = this.#launch?.branches[Number(child(this.#pipeline, NAMES.branch).line)];
    }
    return this.#known;
  }

  #onBranch(message: BusMessage): void {
    this.#listener.log('debug', 'branch', { stream: message.stream, line: this.#branch?.line });
    if (this.#branch?.isHardware === true && this.#stream === undefined) this.#watchDecoder();
  }

  /** Until the first picture. A camera that sends nothing is no fault of the decoder's. */
  #watchDecoder(): void {
    let sinceMs: number | undefined;
    this.#watch = setInterval(() => {
      if (!this.#isFed) return;
      sinceMs ??= performance.now();
      if (performance.now() - sinceMs < FIRST_PICTURE_LIMIT_MS) return;
      const cause = `${this.#branch?.decoder}: no picture within ${FIRST_PICTURE_LIMIT_MS / 1000} s`;
      this.#end({ end: 'decoder_failed', cause });
    }, WATCH_EVERY_MS);
  }

  get #isFed(): boolean {
    return this.#pipeline !== undefined && child(this.#pipeline, NAMES.units).fed === true;
  }

  #serveFrames(memory: CameraMemory): void {
    this.#frames = FrameSink.find(NAMES.frames);
    if (this.#order.motion !== undefined) this.#frames.watchMotion(this.#order.motion);
    this.#frames.serve(memory, (look) => {
      if (this.#over) return;
      clearInterval(this.#watch);
      this.#tellStream(look);
    });
  }

  #onUnit(unit: EncodedUnit): void {
    if (this.#over || this.#branch === undefined || this.#pipeline === undefined) return;
    if (this.#timeline === undefined) {
      this.#listener.unit(this.#branch.codec, unit);
      return;
    }
    this.#unitsSeen += 1;
    if (unit.key) {
      const { width = 0, height = 0 } = child(this.#pipeline, NAMES.units);
      const size = { widthPx: Number(width), heightPx: Number(height) };
      this.#tellStream({ ...size, fps: 0, pixelFormat: 'none' });
    }
    this.#listener.unit(this.#branch.codec, this.#timeline.place(unit));
  }

  #tellStream({ widthPx, heightPx, fps, pixelFormat }: StreamLook): void {
    const before = this.#stream;
    if (
      before?.widthPx !== widthPx ||
      before.heightPx !== heightPx ||
      before.pixelFormat !== pixelFormat
    ) {
      const { codec = 'other', decoder = 'unknown' } = this.#branch ?? {};
      this.#stream = { codec, widthPx, heightPx, fps, decoder, pixelFormat };
      this.#listener.stream(this.#stream);
    }
  }

  #onError(message: BusMessage): void {
    const bound = `${this.#order.maxWidthPx}x${this.#order.maxHeightPx}`;
    const error: BusError = {
      element: message._src_element_name ?? '',
      message: message.message ?? '',
      debug: message.debug ?? '',
      details: message.details ?? '',
    };
    const ending = endOf(error, bound);
    const { isHardware = false, decoder } = this.#branch ?? {};
    const isDecoders = isHardware && blamesDecoder(error, ending, this.#stream !== undefined);
    const cause = `${decoder}: ${ending.cause}`;
    this.#end(isDecoders ? { end: 'decoder_failed', cause } : ending);
  }

  #onEndOfStream(): void {
    if (this.#branch?.isHardware === true && this.#stream === undefined && this.#isFed) {
      const cause = `${this.#branch.decoder}: the stream is over without a picture`;
      this.#end({ end: 'decoder_failed', cause });
      return;
    }
    const again = this.#source.kind === 'file' && this.#order.loop;
    const framesSeen = this.#frames?.frames ?? this.#unitsSeen;
    if (!again || framesSeen === this.#framesBefore) {
      this.#end({ end: 'end_of_stream', cause: 'the stream is over' });
      return;
    }
    this.#framesBefore = framesSeen;
    this.#frames?.continueTimeline();
    this.#timeline?.continue();
    this.#pipeline?.stop();
    this.#pipeline?.play();
  }

  #end(ending: Ending): void {
    this.#over = true;
    this.#close();
    this.#listener.ended(ending);
  }

  #close(): void {
    clearInterval(this.#watch);
    // Before the decoder stops, it gets its pictures back.
    this.#frames?.close();
    this.#units?.close();
    this.#pipeline?.stop();
    this.#stopped?.();
  }
}

/** Continues the time stamps of a file that is played again; where frames are decoded, they do. */
class UnitTimeline {
  #offsetNs = 0;
  #lastNs = 0;
  #stepNs = 0;

  place(unit: EncodedUnit): EncodedUnit {
    const ptsNs = unit.ptsNs + this.#offsetNs;
    if (ptsNs > this.#lastNs) {
      this.#stepNs = ptsNs - this.#lastNs;
      this.#lastNs = ptsNs;
    }
    return { ...unit, ptsNs, dtsNs: unit.dtsNs + this.#offsetNs };
  }

  continue(): void {
    this.#offsetNs = this.#lastNs + this.#stepNs;
  }
}

function child(pipeline: Pipeline, name: string): Record<string, string | number | boolean> {
  const element = pipeline.findChild(name);
  if (element === undefined) throw new Error(`the pipeline has no element ${name}`);
  return element;
}
