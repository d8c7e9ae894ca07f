// Encoded access units on their way from a camera process to the agent: one record each, on the descriptor ENCODED_FD.
//
// Record, little-endian: u32 bytes after this field · u8 kind · u8 flags · u16 zero · u64 pts (90 kHz) · i32 dts - pts (90 kHz)
// · f64 capture time (ms since 1970) · the access unit.
import type { Writable } from 'node:stream';
import type { CaptureClock } from '../contracts/frame.ts';
import type { Codec } from '../contracts/ticket.ts';

/** What the unit is: H.264/H.265 with start codes, or one JPEG. */
const KINDS = ['h264', 'h265', 'mjpeg'] as const satisfies readonly Codec[];
export type EncodedKind = (typeof KINDS)[number];

export interface AccessUnit {
  readonly codec: EncodedKind;
  /** A decoder can begin here. */
  readonly key: boolean;
  /** The parameter sets before this key frame differ from the last ones; also true for the first. */
  readonly configChanged: boolean;
  /** Units were left out before this one, which is then a key frame. */
  readonly gapBefore: boolean;
  /** 90 kHz, on the timeline of the frame notices (`ptsNs`). */
  readonly pts: number;
  /** 90 kHz; zero or negative. */
  readonly dtsDelta: number;
  readonly captureMs: number;
  readonly captureClock: CaptureClock;
  readonly data: Buffer;
}

const FLAG_KEY = 1;
const FLAG_CONFIG = 2;
const FLAG_GAP = 4;
const FLAG_RTCP = 8;
const LENGTH_BYTES = 4;
const HEADER_BYTES = 24;
/** A 4K key frame at 60 Mbit/s is about 2 MB; more than this is a broken writer. */
const MAX_UNIT_BYTES = 32 * 1024 * 1024;

export function toPts90k(ns: number): number {
  return Math.round((ns * 9) / 100_000);
}

export function writeRecord(unit: AccessUnit): Buffer {
  const record = Buffer.allocUnsafe(LENGTH_BYTES + HEADER_BYTES + unit.data.length);
  record.writeUInt32LE(HEADER_BYTES + unit.data.length, 0);
  record.writeUInt8(KINDS.indexOf(unit.codec) + 1, 4);
  record.writeUInt8(
    (unit.key ? FLAG_KEY : 0) |
      (unit.configChanged ? FLAG_CONFIG : 0) |
      (unit.gapBefore ? FLAG_GAP : 0) |
      (unit.captureClock === 'rtcp' ? FLAG_RTCP : 0),
    5,
  );
  record.writeUInt16LE(0, 6);
  record.writeBigUInt64LE(BigInt(Math.max(0, unit.pts)), 8);
  record.writeInt32LE(unit.dtsDelta, 16);
  record.writeDoubleLE(unit.captureMs, 20);
  unit.data.copy(record, LENGTH_BYTES + HEADER_BYTES);
  return record;
}

/**
 * Takes the bytes of the pipe in any portions and gives whole access units.
 *
 * The other end may have been taken over by a hostile stream: a record that is not as the writer makes it throws, and
 * the pipe cannot be read any further.
 */
export class RecordParser {
  #chunks: Buffer[] = [];
  #buffered = 0;

  push(chunk: Buffer): AccessUnit[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const units: AccessUnit[] = [];
    for (;;) {
      const length = this.#peekLength();
      if (length === undefined || this.#buffered < LENGTH_BYTES + length) return units;
      units.push(readRecord(this.#takeBytes(LENGTH_BYTES + length)));
    }
  }

  #peekLength(): number | undefined {
    if (this.#buffered < LENGTH_BYTES) return undefined;
    if ((this.#chunks[0]?.length ?? 0) < LENGTH_BYTES) this.#chunks = [Buffer.concat(this.#chunks)];
    const length = this.#chunks[0]?.readUInt32LE(0) ?? 0;
    if (length < HEADER_BYTES || length > HEADER_BYTES + MAX_UNIT_BYTES) {
      throw new RangeError(`an access unit of ${length} bytes on the encoded pipe`);
    }
    return length;
  }

  #takeBytes(count: number): Buffer {
    const whole = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    if (whole === undefined) throw new RangeError('the encoded pipe is empty');
    this.#buffered -= count;
    this.#chunks = this.#buffered === 0 ? [] : [whole.subarray(count)];
    return whole.subarray(0, count);
  }
}

function readRecord(record: Buffer): AccessUnit {
  const codec = KINDS[record.readUInt8(4) - 1];
  const flags = record.readUInt8(5);
  if (codec === undefined) throw new RangeError(`kind ${record.readUInt8(4)} on the encoded pipe`);
  return {
    codec,
    key: (flags & FLAG_KEY) !== 0,
    configChanged: (flags & FLAG_CONFIG) !== 0,
    gapBefore: (flags & FLAG_GAP) !== 0,
    captureClock: (flags & FLAG_RTCP) === 0 ? 'host' : 'rtcp',
    pts: Number(record.readBigUInt64LE(8)),
    dtsDelta: record.readInt32LE(16),
    captureMs: record.readDoubleLE(20),
    data: record.subarray(LENGTH_BYTES + HEADER_BYTES),
  };
}

export interface UnitToWrite {
  readonly codec: EncodedKind;
  readonly key: boolean;
  readonly ptsNs: number;
  readonly dtsNs: number;
  readonly captureMs: number;
  readonly captureClock: CaptureClock;
  readonly skippedBefore: boolean;
  readonly data: Buffer;
}

/**
 * Writes records and never waits: when more than `limitBytes` are unread, units are dropped up to the next key frame
 * for which there is room again. The stream on the pipe always begins with a key frame and can be decoded throughout.
 */
export class EncodedWriter {
  readonly #pipe: Writable;
  readonly #limitBytes: number;
  #synchronised = false;
  #gap = false;
  #config: Buffer | undefined;
  #dropped = 0;

  constructor(pipe: Writable, limitBytes = 4 * 1024 * 1024) {
    this.#pipe = pipe;
    this.#limitBytes = limitBytes;
  }

  /** Units that were not written although they were offered. */
  get dropped(): number {
    return this.#dropped;
  }

  write(unit: UnitToWrite): void {
    if (unit.skippedBefore) this.#lose();
    if (!this.#synchronised && !unit.key) {
      this.#dropped += 1;
      return;
    }
    if (this.#pipe.writableLength + unit.data.length > this.#limitBytes) {
      this.#lose();
      this.#dropped += 1;
      return;
    }
    const configChanged = unit.key && this.#configChanged(unit);
    const pts = toPts90k(unit.ptsNs);
    this.#pipe.write(
      writeRecord({
        codec: unit.codec,
        key: unit.key,
        configChanged,
        gapBefore: this.#gap,
        pts,
        dtsDelta: Math.min(0, toPts90k(unit.dtsNs) - pts),
        captureMs: unit.captureMs,
        captureClock: unit.captureClock,
        data: unit.data,
      }),
    );
    this.#synchronised = true;
    this.#gap = false;
  }

  /** Nobody wants units for now: the next one written is a key frame with its parameter sets announced. */
  restart(): void {
    this.#synchronised = false;
    this.#gap = false;
    this.#config = undefined;
  }

  #lose(): void {
    this.#gap = this.#gap || this.#synchronised;
    this.#synchronised = false;
  }

  #configChanged(unit: UnitToWrite): boolean {
    const config = unit.codec === 'mjpeg' ? Buffer.alloc(0) : parameterSets(unit.data, unit.codec);
    if (this.#config?.equals(config)) return false;
    this.#config = Buffer.from(config);
    return true;
  }
}

/** The parameter sets (SPS, PPS, for H.265 also VPS) at the front of an access unit, with their start codes. */
export function parameterSets(unit: Buffer, codec: 'h264' | 'h265'): Buffer {
  const sets: Buffer[] = [];
  let start = unit.indexOf(START_CODE);
  while (start !== -1 && start + START_CODE.length < unit.length) {
    const header = unit[start + START_CODE.length] ?? 0;
    const type = codec === 'h264' ? header & 0x1f : (header >> 1) & 0x3f;
    if (codec === 'h264' ? type >= 1 && type <= 5 : type < 32) break;
    const next = unit.indexOf(START_CODE, start + START_CODE.length);
    const isSet = codec === 'h264' ? type === 7 || type === 8 : type >= 32 && type <= 34;
    if (isSet)
      sets.push(withoutTrailingZeros(unit.subarray(start, next === -1 ? unit.length : next)));
    start = next;
  }
  return Buffer.concat(sets);
}

const START_CODE = Buffer.from([0, 0, 1]);

/** The zero before a four-byte start code belongs to the next unit. */
function withoutTrailingZeros(nal: Buffer): Buffer {
  let end = nal.length;
  while (end > 0 && nal[end - 1] === 0) end -= 1;
  return nal.subarray(0, end);
}
