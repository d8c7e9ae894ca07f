// Raw frames through a named pipe, printed into an arena: as FFmpeg feeds them.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type PrintFormat, printedBytes } from '../../src/contracts/ticket.ts';
import { Arena } from '../../src/native/arena.ts';
import {
  FrameRing,
  type FrameRingEnd,
  type FrameRingOptions,
} from '../../src/native/frame-ring.ts';
import type { FrameNotice } from '../../src/native/frames.ts';

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
  readonly notices: FrameNotice[];
  readonly ended: Promise<FrameRingEnd>;
}

function receive(
  extra: Partial<FrameRingOptions> = {},
  onFrame: (notice: FrameNotice, ring: FrameRing) => void = () => {},
): Received {
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const notices: FrameNotice[] = [];
  const { promise, resolve } = deferred<FrameRingEnd>();
  const ring: FrameRing = FrameRing.open(
    fd,
    { ...options, ...extra },
    {
      frame(notice) {
        notices.push(notice);
        onFrame(notice, ring);
      },
      end: resolve,
    },
  );
  closeSync(fd);
  return { ring, notices, ended: promise };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const ticket = (sequence: number) => ({
  ...{ id: 1, sequence, format, offset: 0 },
  rectangle: [0, 0, 1, 1] as const,
});

test('every frame is printed when the ring is patient', async () => {
  const arena = Arena.create(printedBytes(format));
  const seen: number[] = [];
  const { ring, notices, ended } = receive({ patienceMs: 10_000, fps: 10 }, (notice, own) => {
    const printed = own.print(ticket(notice.sequence), arena);
    expect(printed).toMatchObject({ placement: { x: 0, y: 0, w: 16, h: 16 }, bytes: 768 });
    seen.push(arena.view(700, 1)[0]!);
  });
  send(40, 7);
  expect(await ended).toEqual({ leftoverBytes: 7, cause: '' });
  expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  expect(notices.at(-1)).toMatchObject({
    ...{ sequence: 40, ptsNs: 3.9e9, captureClock: 'host' },
    ...{ widthPx: 40, heightPx: 30, pixelFormat: 'GRAY8' },
  });
  ring.close();
  arena.close();
});

test('the newest frames stay printable, older ones are gone', async () => {
  const arena = Arena.create(4096);
  const { ring, notices, ended } = receive();
  send(30);
  await ended;
  expect(notices.at(-1)?.sequence).toBe(30);
  expect(ring.print(ticket(28), arena)).toMatchObject({ bytes: 768 });
  expect(arena.view(0, 1)[0]).toBe(28);
  expect(ring.print(ticket(27), arena)).toBe('frame_gone');
  expect(ring.print({ ...ticket(30), offset: 4096 - 704 }, arena)).toBe('bad_ticket');
  expect(ring.print({ ...ticket(30), rectangle: [0, 0, 2, 1] }, arena)).toBe('bad_ticket');
  ring.close();
  expect(ring.print(ticket(30), arena)).toBe('frame_gone');
  ring.close();
  arena.close();
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
