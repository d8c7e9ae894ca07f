// Forks a camera process as the agent does and collects what it says.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import {
  type CameraOrder,
  type FrameNotice,
  type FromCamera,
  type PrintFailure,
  type PrintFormat,
  printedBytes,
  type Ticket,
  type ToCamera,
} from '../../src/contracts/ticket.ts';
import { Arena } from '../../src/native/arena.ts';
import { CameraLink } from '../../src/native/camera-link.ts';
import type { Printed } from '../../src/pipeline/batch.ts';
import { readAnswer, readNotice } from '../../src/pipeline/camera-messages.ts';

const ENTRY = path.resolve(import.meta.dirname, '../../src/pipeline/camera-process.ts');

/** What it sent, and the frames that it told of through the link. */
type Heard = FromCamera | ({ readonly kind: 'frame' } & FrameNotice);
export type Said<Kind extends Heard['kind']> = Extract<Heard, { kind: Kind }>;
type Answer =
  | ({ readonly kind: 'printed' } & Exclude<Printed, { refused: unknown }>)
  | { readonly kind: 'refused'; readonly cause: PrintFailure };

export const RGB_320: PrintFormat = {
  widthPx: 320,
  heightPx: 320,
  layout: 'interleaved',
  order: 'rgb',
  dtype: 'uint8',
  fit: 'corner',
  pad: 114,
  mean: [0, 0, 0],
  scale: [1, 1, 1],
};

export function orderOf(source: string, overrides: Partial<CameraOrder> = {}): CameraOrder {
  return {
    camera: 'test',
    session: 's1',
    source,
    transport: 'tcp',
    decoder: 'gstreamer',
    decode: 'all',
    loop: false,
    realtime: false,
    maxWidthPx: 4096,
    maxHeightPx: 2304,
    heldFrames: 3,
    arenaBytes: 8 << 20,
    ...overrides,
  };
}

export class TestCamera {
  readonly child: ChildProcess;
  readonly arena: Arena;
  readonly said: Heard[] = [];
  readonly encoded: Readable;
  /** Resolves with the exit code, or the signal's name. */
  readonly gone: Promise<number | string>;
  private waiting: (() => void)[] = [];
  private read = 0;

  private readonly link: CameraLink;
  private isStreamKnown = false;

  private constructor(child: ChildProcess, arena: Arena, link: CameraLink) {
    this.child = child;
    this.arena = arena;
    this.link = link;
    this.encoded = (child.stdio as unknown as readonly Readable[])[5] as Readable;
    child.on('message', (message: FromCamera) => {
      if (message.kind === 'ended') this.hear();
      this.said.push(message);
      this.isStreamKnown ||= message.kind === 'stream';
      this.hear();
    });
    this.gone = once(child, 'exit').then(([code, signal]) => {
      this.hear();
      this.link.close();
      return code ?? signal;
    });
  }

  hear(): void {
    for (let numbers = this.nextNotice(); numbers !== undefined; numbers = this.nextNotice()) {
      const notice = readNotice(numbers);
      if (notice === undefined) throw new Error(`a notice of ${numbers}`);
      this.said.push({ kind: 'frame', ...notice });
    }
    for (const wake of this.waiting.splice(0)) wake();
  }

  private nextNotice(): Float64Array | undefined {
    return this.isStreamKnown ? this.link.takeNotice() : undefined;
  }

  static async open(order: CameraOrder): Promise<TestCamera> {
    const arena = Arena.create(order.arenaBytes);
    const link = new CameraLink(() => camera.hear());
    const child = fork(ENTRY, [], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', arena.fd, 'pipe', link.fd],
    });
    link.closeFd();
    const camera = new TestCamera(child, arena, link);
    await camera.next('ready');
    camera.send({ kind: 'open', order });
    return camera;
  }

  rssBytes(): number {
    const pages = readFileSync(`/proc/${this.child.pid}/statm`, 'utf8').split(' ')[1];
    return Number(pages) * 4096;
  }

  send(message: ToCamera): void {
    this.child.send(message, () => {});
  }

  pass(sequence: number): void {
    this.link.pass(sequence);
  }

  /** The next message of this kind that was not yet read, or undefined when the process is gone. */
  async next<Kind extends Heard['kind']>(kind: Kind): Promise<Said<Kind> | undefined> {
    for (;;) {
      while (this.read < this.said.length) {
        const message = this.said[this.read++];
        if (message?.kind === kind) return message as Said<Kind>;
      }
      if (this.child.exitCode !== null || this.child.signalCode !== null) return undefined;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async print(sequence: number, ticket: Partial<Ticket> = {}): Promise<Answer> {
    const whole: Ticket = {
      ...{ sequence, rectangle: [0, 0, 1, 1], format: RGB_320, offset: 0 },
      ...ticket,
    };
    const asked = this.link.ask(whole, true);
    if (typeof asked === 'string') return { kind: 'refused', cause: asked };
    while (!this.link.isAnswered(asked)) {
      if (this.child.exitCode !== null) throw new Error('the camera process is gone');
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    const printed = readAnswer(this.link.take(asked), printedBytes(whole.format));
    if (printed === undefined) throw new Error('an answer that no camera process gives');
    return 'refused' in printed
      ? { kind: 'refused', cause: printed.refused }
      : { kind: 'printed', ...printed };
  }

  all<Kind extends Heard['kind']>(kind: Kind): Said<Kind>[] {
    return this.said.filter((message) => message.kind === kind) as Said<Kind>[];
  }

  async close(): Promise<number | string> {
    if (this.child.connected) this.send({ kind: 'close' });
    return this.gone;
  }
}

/** Mean difference of two pictures, in steps of 255. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum / a.length;
}

export function picture(widthPx: number, heightPx: number): PrintFormat {
  return { ...RGB_320, widthPx, heightPx, fit: 'stretch' };
}

/** Every frame, printed before the next one is decoded. */
export async function printAll(
  camera: TestCamera,
  format: PrintFormat,
): Promise<{ frames: Said<'frame'>[]; pictures: Uint8Array[] }> {
  const frames: Said<'frame'>[] = [];
  const pictures: Uint8Array[] = [];
  const bytes = format.widthPx * format.heightPx * 3;
  for (;;) {
    const frame = await camera.next('frame');
    if (frame === undefined) return { frames, pictures };
    const answer = await camera.print(frame.sequence, { format });
    if (answer.kind !== 'printed') throw new Error(`frame ${frame.sequence}: ${answer.cause}`);
    frames.push(frame);
    pictures.push(camera.arena.view(0, bytes).slice());
  }
}
