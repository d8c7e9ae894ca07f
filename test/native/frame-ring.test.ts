// Raw frames through a named pipe, printed into an arena: as FFmpeg feeds them.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type PrintFormat, printedBytes, type Ticket } from '../../src/contracts/ticket.ts';
import { Arena } from '../../src/native/arena.ts';
import { CameraLink, cameraLinkBytes } from '../../src/native/camera-link.ts';
import {
  FrameRing,
  type FrameRingEnd,
  type FrameRingOptions,
  type RawFrame,
} from '../../src/native/frame-ring.ts';
import type { Printed } from '../../src/pipeline/batch.ts';
import { readAnswer, readNotice } from '../../src/pipeline/camera-messages.ts';

const options = { widthPx: 40, heightPx: 30, pixelFormat: 'GRAY8', held: 3 } as const;
const frameBytes = 40 * 30;
const format: PrintFormat = {
  widthPx: 16,
  heightPx: 16,
  layout: 'planar',
  order: 'rgb',
  dtype: 'uint8',
  fit: 'stretch',
  pad: 0,
  mean: [0, 0, 0],
  scale: [1, 1, 1],
};

let folder: string;
let fifo: string;
let writer: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vedette-ring-'));
  fifo = path.join(folder, 'frames');
  execFileSync('mkfifo', [fifo]);
});

afterEach(() => {
  writer?.kill();
  rmSync(folder, { recursive: true });
});

/** A process that sends frames of the grey values 1…`count`, then `more` bytes. */
function send(count: number, more = 0): void {
  const file = path.join(folder, 'raw');
  const frames = Array.from({ length: count }, (_, i) => Buffer.alloc(frameBytes, i + 1));
  writeFileSync(file, Buffer.concat([...frames, Buffer.alloc(more)]));
  writer = spawn('sh', ['-c', `cat ${file} > ${fifo}`]);
}

interface Received {
  readonly ring: FrameRing;
  readonly frames: RawFrame[];
  readonly ended: Promise<FrameRingEnd>;
}

function receive(
  extra: Partial<FrameRingOptions> = {},
  onFrame: (frame: RawFrame, ring: FrameRing) => void = () => {},
): Received {
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const frames: RawFrame[] = [];
  const { promise, resolve } = deferred<FrameRingEnd>();
  const ring: FrameRing = FrameRing.open(
    fd,
    { ...options, ...extra },
    {
      frame(frame) {
        frames.push(frame);
        onFrame(frame, ring);
      },
      end: resolve,
    },
  );
  closeSync(fd);
  return { ring, frames, ended: promise };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const ticket = (sequence: number): Ticket => ({
  ...{ sequence, format, offset: 0 },
  rectangle: [0, 0, 1, 1],
});

const SLOT_BYTES = printedBytes(format);

/** Both ends of a link in one process. */
class Agent {
  readonly arena: Arena = Arena.create(SLOT_BYTES * 41);
  readonly link: CameraLink = new CameraLink(() => {});
  readonly memory = { arena: this.arena, link: Arena.map(this.link.fd, cameraLinkBytes()) };

  async print(asked: Ticket): Promise<Printed | undefined> {
    const print = this.link.ask(asked, true);
    if (typeof print === 'string') return { refused: print };
    while (!this.link.isAnswered(print)) await new Promise((resolve) => setTimeout(resolve, 1));
    return readAnswer(this.link.take(print), printedBytes(asked.format));
  }

  close(): void {
    this.link.close();
    this.arena.close();
  }
}

test('every frame is told of and printed when the ring is patient', async () => {
  const agent = new Agent();
  const told: unknown[] = [];
  const prints: Promise<number>[] = [];
  const print = async (sequence: number): Promise<number> => {
    const offset = sequence * SLOT_BYTES;
    const printed = await agent.print({ ...ticket(sequence), offset });
    expect(printed).toMatchObject({ placement: { x: 0, y: 0, w: 16, h: 16 }, bytes: 768 });
    return agent.arena.view(offset + 700, 1)[0]!;
  };
  const { ring, ended } = receive({ patienceMs: 10_000, fps: 10 }, (frame, own) => {
    own.tell({ ...frame, captureMs: 1000 + frame.sequence });
    const numbers = agent.link.takeNotice();
    told.push(numbers && readNotice(numbers));
    prints.push(print(frame.sequence));
  });
  ring.serve(agent.memory);
  send(40, 7);
  expect(await ended).toEqual({ leftoverBytes: 7, cause: '' });
  expect(await Promise.all(prints)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  expect(told.at(-1)).toEqual({
    ...{ sequence: 40, ptsNs: 3.9e9, captureMs: 1040, captureClock: 'host' },
    ...{ widthPx: 40, heightPx: 30, skipped: 0, motion: 1 },
  });
  ring.close();
  agent.close();
});

test('the newest frames stay printable, older ones are gone', async () => {
  const agent = new Agent();
  const { ring, frames, ended } = receive();
  ring.serve(agent.memory);
  send(30);
  await ended;
  expect(frames.at(-1)?.sequence).toBe(30);
  expect(await agent.print(ticket(28))).toMatchObject({ bytes: 768 });
  expect(agent.arena.view(0, 1)[0]).toBe(28);
  const bad = [
    { offset: 41 * SLOT_BYTES - 704 },
    { offset: 8 },
    { rectangle: [0, 0, 2, 1] },
  ] as const;
  expect(await agent.print(ticket(27))).toEqual({ refused: 'frame_gone' });
  for (const fields of bad) {
    expect(await agent.print({ ...ticket(30), ...fields })).toEqual({ refused: 'bad_ticket' });
  }
  ring.close();
  ring.close();
  agent.close();
});

test('a ring that is closed in its own callback ends quietly', async () => {
  const closed = deferred<void>();
  receive({}, (_, ring) => {
    ring.close();
    closed.resolve();
  });
  send(5);
  await closed.promise;
});

test('a descriptor that cannot be read is refused with a code', () => {
  const listener = { frame() {}, end() {} };
  expect(() => FrameRing.open(9999, options, listener)).toThrow(
    expect.objectContaining({ code: 'DEFECT' }),
  );
});
