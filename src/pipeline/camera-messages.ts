// Reads what a camera process sent. A hostile stream may have taken that process over, so nothing is believed by its type.
import {
  type FromCamera,
  MOST_BACKGROUND_CHANGES,
  MOST_MOTION_BOXES,
  type Placement,
} from '../contracts/ticket.ts';

const MAX_SIDE_PX = 16384;
const MAX_TEXT = 10_000;

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isAmount: Check = (value) => Number.isFinite(value) && (value as number) >= 0;
const isSide: Check = (value) =>
  isCount(value) && Number(value) > 0 && Number(value) <= MAX_SIDE_PX;
const isText: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT;
const isShare: Check = (value) => isAmount(value) && Number(value) <= 1;

function oneOf(...values: readonly string[]): Check {
  return (value) => values.includes(value as string);
}

const isBox: Check = (value) => Array.isArray(value) && value.length === 4 && value.every(isShare);

function listOf(check: Check, most: number): Check {
  return (value) => Array.isArray(value) && value.length <= most && value.every(check);
}

function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

const isChange: Check = (value) =>
  isFields(value) &&
  Object.keys(value).every((key) => ['box', 'ageMs', 'kind'].includes(key)) &&
  isBox(value.box) &&
  isAmount(value.ageMs) &&
  optional(oneOf('came', 'went'))(value.kind);

const isPlacement: Check = (value) =>
  isFields(value) &&
  (['x', 'y', 'w', 'h'] satisfies (keyof Placement)[]).every((k) => isAmount(value[k]));

const isNewer: Check = (value) =>
  isFields(value) && isCount(value.sequence) && isAmount(value.ptsNs) && isAmount(value.captureMs);

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
  frame: {
    sequence: isCount,
    ptsNs: isAmount,
    captureMs: isAmount,
    captureClock: oneOf('rtcp', 'host'),
    widthPx: isSide,
    heightPx: isSide,
    skipped: isCount,
    motion: isShare,
    motionBoxes: optional(listOf(isBox, MOST_MOTION_BOXES)),
    backgroundChanges: optional(listOf(isChange, MOST_BACKGROUND_CHANGES)),
  },
  printed: {
    id: isCount,
    placement: isPlacement,
    bytes: isCount,
    tookUs: isAmount,
    newer: optional(isNewer),
  },
  refused: { id: isCount, cause: oneOf('frame_gone', 'bad_ticket', 'map_failed') },
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

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
