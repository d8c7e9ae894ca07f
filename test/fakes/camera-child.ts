// A camera process without a camera. What it does stands in the path of the order's source: `rtsp://fake/steady`.
import { writeSync } from 'node:fs';
import {
  type CameraOrder,
  ENCODED_FD,
  type FromCamera,
  LINK_FD,
  type ToCamera,
} from '../../src/contracts/ticket.ts';
import { Arena } from '../../src/native/arena.ts';
import { CameraEnd, cameraLinkBytes, NOTICE_NUMBERS } from '../../src/native/camera-link.ts';
import { writeRecord } from '../../src/pipeline/encoded-pipe.ts';

let behaviour = '';
let sequence = 0;
/** Decoded frames, 40 ms of presentation time apart, from one that is told of to the next. */
let step = 1;

function send(message: FromCamera): void {
  process.send?.(message);
}

function frame(): void {
  sequence += step;
  tell([sequence, sequence * 40_000_000, Date.now(), 0, 640, 360, 0, 0.5, -1]);
}

let end: CameraEnd | undefined;

function link(): CameraEnd {
  end ??= new CameraEnd(Arena.map(LINK_FD, cameraLinkBytes()).memory);
  return end;
}

/** The numbers of a notice; what is left out is -1, but for the camera's shift. */
function tell(numbers: readonly number[]): void {
  const notice = new Float64Array(NOTICE_NUMBERS).fill(-1).fill(0, NOTICE_NUMBERS - 2);
  notice.set(numbers);
  link().tell(notice);
}

/** Every ticket is printed: at x, as the test may see, the offset of the one before. */
function print(): void {
  let before = 0;
  setInterval(() => {
    for (;;) {
      const offset = link().answer(Float64Array.of(0, before, 0, 1, 1, 1, 0, 0, 0, 0));
      if (offset < 0) return;
      before = offset;
    }
  }, 1);
}

function stream(): void {
  const size = { widthPx: 640, heightPx: 360, pixelFormat: 'I420' };
  send({ kind: 'stream', codec: 'h264', fps: 25, decoder: 'fake', ...size });
}

const BEHAVIOURS: Record<string, (order: CameraOrder) => void> = {
  /** A frame every 20 ms. */
  steady() {
    stream();
    setInterval(frame, 20);
    print();
  },
  /** Three frames, then nothing. */
  three() {
    stream();
    for (let i = 0; i < 3; i++) frame();
  },
  deaf() {
    process.on('SIGTERM', () => {});
    BEHAVIOURS.three?.({} as CameraOrder);
  },
  /** Not decoded: a picture as it was sent every 20 ms. */
  units() {
    stream();
    setInterval(encode, 20);
  },
  mute() {},
  /** Loaded, and no answer from the camera. */
  waiting: () => send({ kind: 'log', level: 'debug', message: 'launch', fields: {} }),
  auth: () => send({ kind: 'ended', end: 'auth_failed', cause: 'RTSP 401' }),
  unsupported: () => send({ kind: 'ended', end: 'unsupported', cause: 'VP9' }),
  over: () => send({ kind: 'ended', end: 'end_of_stream', cause: 'the stream is over' }),
  crash: () => process.abort(),
  /** A driver that takes the process with it, after the first frames. */
  fragile(order) {
    BEHAVIOURS.steady?.(order);
    if (order.decoders !== undefined) setTimeout(() => process.abort(), 100);
  },
  blames: () => send({ kind: 'ended', end: 'decoder_failed', cause: 'fake264dec: busy' }),
  liar() {
    BEHAVIOURS.three?.({} as CameraOrder);
    tell([Number.NaN]);
  },
  noise() {
    BEHAVIOURS.three?.({} as CameraOrder);
    writeSync(ENCODED_FD, Buffer.alloc(64, 0xff));
  },
  chatter() {
    stream();
    for (let i = 0; i < 500; i++)
      send({ kind: 'log', level: 'warn', message: 'oh', fields: { i } });
    frame();
  },
  /** Says what it was given. */
  confess(order) {
    const said = JSON.stringify({ order, env: Object.keys(process.env) });
    send({ kind: 'ended', end: 'failed', cause: said });
  },
};

function encode(): void {
  for (const key of [true, false]) {
    const record = writeRecord({
      codec: 'h264',
      key,
      configChanged: key,
      gapBefore: false,
      pts: 3600,
      dtsDelta: 0,
      captureMs: Date.now(),
      captureClock: 'host',
      data: Buffer.from([0, 0, 1, key ? 5 : 1]),
    });
    // In two portions, as a pipe may.
    writeSync(ENCODED_FD, record.subarray(0, 7));
    writeSync(ENCODED_FD, record.subarray(7));
  }
}

process.on('message', (message: ToCamera) => {
  if (message.kind === 'open') {
    behaviour = message.order.source.split('/').at(-1) ?? '';
    BEHAVIOURS[behaviour]?.(message.order);
  } else if (message.kind === 'notices') step = Math.max(1, Math.round(message.everyMs / 40));
  else if (message.kind === 'encoded' && message.wanted) encode();
  else if (message.kind === 'close' && behaviour !== 'deaf') process.exit(0);
});
process.on('disconnect', () => process.exit(0));
