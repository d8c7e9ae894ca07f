// Encoded access units as an MP4 file (ISO/IEC 14496-12): one video track, nothing encoded anew, every time stamp kept.
import type { AccessUnit } from './encoded-pipe.ts';
import { decoderConfiguration, withLengths } from './nal-units.ts';

const TIMESCALE = 90_000;
/** Of the last picture, when there is only one. */
const USUAL_STEP = 3600;
/** Seconds from 1904, where times in MP4 begin, to 1970. */
const EPOCH_S = 2_082_844_800;
const UNITY_MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];

/** The sample that a unit becomes. Copies it; this is most of the work. */
export function sampleOf({ codec, data }: AccessUnit): Buffer {
  return codec === 'mjpeg' ? data : withLengths(data, codec);
}

export interface Film {
  /** In decode order, the first one a key frame with its parameter sets. Their codec and parameter sets do not change. */
  readonly units: readonly AccessUnit[];
  /** `sampleOf` each of them. */
  readonly samples: readonly Buffer[];
  readonly widthPx: number;
  readonly heightPx: number;
}

/** What stands before the samples, which follow one after the other. Throws when the first unit cannot be begun with. */
export function mp4Head(film: Film): Buffer {
  const type = box('ftyp', Buffer.from('isom\0\0\x02\0isomiso2mp41'));
  const bytes = film.samples.reduce((sum, sample) => sum + sample.length, 0);
  const timing = timingOf(film.units);
  // The index has the same size wherever the samples begin.
  const length = type.length + index(film, timing, 0).length + 8;
  const data = Buffer.concat([numbers32([8 + bytes]), Buffer.from('mdat')]);
  return Buffer.concat([type, index(film, timing, length), data]);
}

/** Seconds from the first picture to the end of the last. */
export function durationS(units: readonly AccessUnit[]): number {
  return timingOf(units).total / TIMESCALE;
}

interface Timing {
  /** From each sample to the next, in decode order. */
  readonly steps: readonly number[];
  /** From decoding to presentation. */
  readonly offsets: readonly number[];
  /** How much later than it is decoded the first picture is shown. */
  readonly delay: number;
  readonly total: number;
}

/**
 * RTP tells when a picture is shown, not when it is decoded. Decoding happens in the order of units at the times of
 * the pictures in order, early enough that none is shown before it is decoded.
 */
function timingOf(units: readonly AccessUnit[]): Timing {
  const shown = units.map(({ pts }) => pts);
  const inOrder = shown.toSorted((a, b) => a - b);
  for (let i = 1; i < inOrder.length; i++) inOrder[i] = Math.max(inOrder[i]!, inOrder[i - 1]! + 1);
  const delay = shown.reduce((most, pts, i) => Math.max(most, inOrder[i]! - pts), 0);
  const steps = inOrder.slice(1).map((time, i) => time - inOrder[i]!);
  steps.push(steps.at(-1) ?? USUAL_STEP);
  const offsets = shown.map((pts, i) => pts - inOrder[i]! + delay);
  return { steps, offsets, delay, total: steps.reduce((sum, step) => sum + step, 0) };
}

function index(film: Film, timing: Timing, dataOffset: number): Buffer {
  const { widthPx, heightPx, units } = film;
  const { total, delay } = timing;
  const madeS = Math.floor(units[0]!.captureMs / 1000) + EPOCH_S;
  const times = [madeS, madeS];
  const movie = [...times, TIMESCALE, total, 0x10000, 0x01000000, 0, 0, ...UNITY_MATRIX];
  const track = [...times, 1, 0, total, 0, 0, 0, 0, ...UNITY_MATRIX];
  const size = [widthPx << 16, heightPx << 16];
  const handler = Buffer.from('\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0');
  const itself = full('url ', 1, []);
  const media = box(
    'mdia',
    full('mdhd', 0, [...times, TIMESCALE, total, 0x55c40000]),
    full('hdlr', 0, [], handler),
    box(
      'minf',
      full('vmhd', 1, [0, 0]),
      box('dinf', full('dref', 0, [1], itself)),
      table(film, timing, dataOffset),
    ),
  );
  return box(
    'moov',
    full('mvhd', 0, [...movie, 0, 0, 0, 0, 0, 0, 2]),
    box(
      'trak',
      full('tkhd', 3, [...track, ...size]),
      box('edts', full('elst', 0, [1, total, delay, 0x10000])),
      media,
    ),
  );
}

function table(film: Film, { steps, offsets }: Timing, dataOffset: number): Buffer {
  const { units, samples } = film;
  const keys = units.flatMap(({ key }, i) => (key ? [i + 1] : []));
  const sizes = samples.map((sample) => sample.length);
  return box(
    'stbl',
    full('stsd', 0, [1], sampleEntry(film)),
    full('stts', 0, [steps.length, ...steps.flatMap((step) => [1, step])]),
    full('ctts', 0, [offsets.length, ...offsets.flatMap((offset) => [1, Math.max(0, offset)])]),
    full('stss', 0, [keys.length, ...keys]),
    full('stsz', 0, [0, sizes.length, ...sizes]),
    full('stsc', 0, [1, 1, sizes.length, 1]),
    full('stco', 0, [1, dataOffset]),
  );
}

function sampleEntry({ units, widthPx, heightPx }: Film): Buffer {
  const { codec, data } = units[0]!;
  const entry = Buffer.alloc(78);
  entry.writeUInt16BE(1, 6);
  entry.writeUInt16BE(widthPx, 24);
  entry.writeUInt16BE(heightPx, 26);
  entry.writeUInt32BE(0x480000, 28);
  entry.writeUInt32BE(0x480000, 32);
  entry.writeUInt16BE(1, 40);
  entry.writeUInt16BE(24, 74);
  entry.writeInt16BE(-1, 76);
  if (codec === 'mjpeg') return box('jpeg', entry);
  const configuration = decoderConfiguration(data, codec);
  if (configuration === undefined) throw new Error('the first picture has no parameter sets');
  const [name, inner] = codec === 'h264' ? ['avc1', 'avcC'] : ['hvc1', 'hvcC'];
  return box(name!, entry, box(inner!, configuration));
}

/** A box with version 0, its flags, numbers of 32 bits, and what is in it. */
function full(type: string, flags: number, values: readonly number[], ...rest: Buffer[]): Buffer {
  return box(type, numbers32([flags, ...values]), ...rest);
}

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([numbers32([length]), Buffer.from(type, 'latin1'), ...parts]);
}

function numbers32(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * i);
  return bytes;
}
