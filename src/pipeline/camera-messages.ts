// Reads what a camera process sent or wrote. A hostile stream may have taken that process over, so nothing is believed by its type.
import type { BackgroundChange } from '../contracts/frame.ts';
import type { Box } from '../contracts/geometry.ts';
import {
  type FrameNotice,
  type FromCamera,
  MOST_BACKGROUND_CHANGES,
  MOST_MOTION_BOXES,
  type PrintFailure,
} from '../contracts/ticket.ts';
import type { Printed } from './batch.ts';

const MAX_SIDE_PX = 16384;
const MAX_TEXT = 10_000;

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isAmount: Check = (value) => Number.isFinite(value) && (value as number) >= 0;
const isSide: Check = (value) =>
  isCount(value) && Number(value) > 0 && Number(value) <= MAX_SIDE_PX;
const isText: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT;
function oneOf(...values: readonly string[]): Check {
  return (value) => values.includes(value as string);
}

const CHECKS: Readonly<Record<FromCamera['kind'], Readonly<Record<string, Check>>>> = {
  ready: {},
  stream: {
    codec: oneOf('h264', 'h265', 'mjpeg', 'other'),
    widthPx: isSide,
    heightPx: isSide,
    fps: isAmount,
    decoder: isText,
    pixelFormat: isText,
  },
  log: {
    level: oneOf('debug', 'info', 'warn', 'error'),
    message: isText,
    fields: isFields,
  },
  ended: {
    end: oneOf(
      ...['end_of_stream', 'unreachable', 'auth_failed'],
      ...['unsupported', 'decoder_failed', 'failed'],
    ),
    cause: isText,
  },
};

/** The message with the fields it may have, or undefined when no healthy camera process sends such a thing. */
export function readMessage(value: unknown): FromCamera | undefined {
  if (!isFields(value)) return undefined;
  const { kind } = value;
  if (typeof kind !== 'string' || !Object.hasOwn(CHECKS, kind)) return undefined;
  const message: Record<string, unknown> = { kind };
  for (const [field, check] of Object.entries(CHECKS[kind as FromCamera['kind']])) {
    if (!check(value[field])) return undefined;
    if (value[field] !== undefined) message[field] = value[field];
  }
  return message as FromCamera;
}

const FAILURES: readonly (PrintFailure | undefined)[] = [
  undefined,
  'frame_gone',
  'bad_ticket',
  'map_failed',
];

/** `numbers` as src/native/camera-link.ts lists them; undefined when no healthy camera process writes such a thing. */
export function readAnswer(numbers: Float64Array, bytes: number): Printed | undefined {
  const [outcome, x, y, w, h, tookUs, isNewer, sequence, ptsNs, captureMs] = numbers as Ten;
  const refused = FAILURES[outcome];
  if (refused !== undefined) return { refused };
  const areAmounts = [x, y, w, h, tookUs, ptsNs, captureMs].every(isAmount);
  if (outcome !== 0 || !areAmounts || !isCount(sequence)) return undefined;
  const printed = { placement: { x, y, w, h }, bytes, tookUs };
  return isNewer === 0 ? printed : { ...printed, newer: { sequence, ptsNs, captureMs } };
}

type Ten = Float64Array &
  [number, number, number, number, number, number, number, number, number, number];

/** Where the lists of a notice begin. */
const BOXES_AT = 8;
const CHANGES_AT = BOXES_AT + 1 + MOST_MOTION_BOXES * 4;
const CHANGE_NUMBERS = 6;
const SHIFT_AT = CHANGES_AT + 1 + MOST_BACKGROUND_CHANGES * CHANGE_NUMBERS;
const KINDS = [{}, { kind: 'came' }, { kind: 'went' }] as const;

/** As `readAnswer`. */
export function readNotice(numbers: Float64Array): FrameNotice | undefined {
  const [sequence, ptsNs, captureMs, isRtcp, widthPx, heightPx, skipped, motion] = numbers as Ten;
  const areCounts = isCount(sequence) && isCount(skipped) && isSide(widthPx) && isSide(heightPx);
  if (!areCounts || !isAmount(ptsNs) || !isAmount(captureMs) || !isShare(motion)) return undefined;
  const captureClock = isRtcp === 0 ? 'host' : 'rtcp';
  const shiftX = numbers[SHIFT_AT]!;
  const shiftY = numbers[SHIFT_AT + 1]!;
  if (!Number.isFinite(shiftX) || !Number.isFinite(shiftY)) return undefined;
  const notice: { -readonly [Key in keyof FrameNotice]: FrameNotice[Key] } = {
    sequence,
    ptsNs,
    captureMs,
    captureClock,
    widthPx,
    heightPx,
    skipped,
    motion,
  };
  if (shiftX !== 0 || shiftY !== 0) notice.cameraShift = [shiftX, shiftY];
  const boxCount = numbers[BOXES_AT]!;
  const changeCount = numbers[CHANGES_AT]!;
  if (boxCount === -1 && changeCount === -1) return notice;
  const motionBoxes = readList(boxCount, MOST_MOTION_BOXES, (at) =>
    readBox(numbers, BOXES_AT + 1 + at * 4),
  );
  const backgroundChanges = readList(changeCount, MOST_BACKGROUND_CHANGES, (at) =>
    readChange(numbers, CHANGES_AT + 1 + at * CHANGE_NUMBERS),
  );
  if (motionBoxes === undefined || backgroundChanges === undefined) return undefined;
  notice.motionBoxes = motionBoxes;
  notice.backgroundChanges = backgroundChanges;
  return notice;
}

function readList<Item>(
  count: number,
  most: number,
  read: (at: number) => Item | undefined,
): Item[] | undefined {
  if (!isCount(count) || count > most) return undefined;
  const items: Item[] = [];
  for (let at = 0; at < count; at++) {
    const item = read(at);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

function readBox(numbers: Float64Array, at: number): Box | undefined {
  const x = numbers[at]!;
  const y = numbers[at + 1]!;
  const w = numbers[at + 2]!;
  const h = numbers[at + 3]!;
  return isShare(x) && isShare(y) && isShare(w) && isShare(h) ? [x, y, w, h] : undefined;
}

function readChange(numbers: Float64Array, at: number): BackgroundChange | undefined {
  const box = readBox(numbers, at);
  const ageMs = numbers[at + 4]!;
  const kind = KINDS[numbers[at + 5]!];
  if (box === undefined || kind === undefined || !isAmount(ageMs)) return undefined;
  return { box, ageMs, ...kind };
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
