// H.264 and H.265 byte streams taken apart: NAL units, and what containers want to know of the parameter sets.
import type { AccessUnit } from './encoded-pipe.ts';

type VideoCodec = Exclude<AccessUnit['codec'], 'mjpeg'>;

const START_CODE = Buffer.from([0, 0, 1]);
const H264 = { sps: 7, pps: 8, delimiter: 9 } as const;
const H265 = { vps: 32, sps: 33, pps: 34, delimiter: 35 } as const;

/** Views of `stream`, without start codes. */
export function nalUnits(stream: Buffer): Buffer[] {
  const units: Buffer[] = [];
  let start = stream.indexOf(START_CODE);
  while (start !== -1) {
    const next = stream.indexOf(START_CODE, start + START_CODE.length);
    let end = next === -1 ? stream.length : next;
    // The zero before a four-byte start code belongs to it.
    while (end > start && stream[end - 1] === 0) end -= 1;
    if (end > start + START_CODE.length)
      units.push(stream.subarray(start + START_CODE.length, end));
    start = next;
  }
  return units;
}

/** The unit with lengths in place of start codes, without what the decoder's configuration says already. Copies. */
export function withLengths(stream: Buffer, codec: VideoCodec): Buffer {
  const parts = nalUnits(stream)
    .filter((nal) => !isApart(typeOf(nal, codec), codec))
    .flatMap((nal) => [length32(nal), nal]);
  return Buffer.concat(parts);
}

/** Body of the box `avcC` or `hvcC` for the parameter sets in a key frame; undefined when it has none. */
export function decoderConfiguration(keyFrame: Buffer, codec: VideoCodec): Buffer | undefined {
  const nals = nalUnits(keyFrame);
  const of = (type: number): Buffer[] => nals.filter((nal) => typeOf(nal, codec) === type);
  if (codec === 'h264') return avcConfiguration(of(H264.sps), of(H264.pps));
  const sets = [H265.vps, H265.sps, H265.pps].map((type) => ({ type, nals: of(type) }));
  return sets.some((set) => set.nals.length === 0) ? undefined : hevcConfiguration(sets);
}

function typeOf(nal: Buffer, codec: VideoCodec): number {
  return codec === 'h264' ? nal[0]! & 0x1f : (nal[0]! >> 1) & 0x3f;
}

function isApart(type: number, codec: VideoCodec): boolean {
  return codec === 'h264'
    ? type >= H264.sps && type <= H264.delimiter
    : type >= H265.vps && type <= H265.delimiter;
}

/** ISO/IEC 14496-15, 5.3.3.1. */
function avcConfiguration(spsList: Buffer[], ppsList: Buffer[]): Buffer | undefined {
  const sps = spsList[0];
  if (sps === undefined || ppsList.length === 0 || sps.length < 4) return undefined;
  const [profile, compatibility, level] = [sps[1]!, sps[2]!, sps[3]!];
  const body = [
    Buffer.from([1, profile, compatibility, level, 0xff, 0xe0 | spsList.length]),
    ...spsList.flatMap((nal) => [length16(nal), nal]),
    Buffer.from([ppsList.length]),
    ...ppsList.flatMap((nal) => [length16(nal), nal]),
  ];
  // Profiles without the high tools have no format of samples to tell.
  if (![66, 77, 88].includes(profile)) {
    const bits = new BitReader(payload(sps.subarray(4)));
    bits.exponential();
    body.push(Buffer.from([...sampleFormat(bits), 0]));
  }
  return Buffer.concat(body);
}

/** ISO/IEC 14496-15, 8.3.3.1. */
function hevcConfiguration(sets: readonly { type: number; nals: Buffer[] }[]): Buffer {
  const sps = payload(sets[1]!.nals[0]!.subarray(2));
  const layers = (sps[0]! >> 1) & 7;
  const isNested = sps[0]! & 1;
  // Profile, tier, flags and level stand in both in the same form.
  const general = sps.subarray(1, 13);
  const [chroma, luma, chromaDepth] = hevcSampleFormat(sps, layers);
  const fixed = [0xf0, 0, 0xfc, chroma!, luma!, chromaDepth!, 0, 0];
  return Buffer.concat([
    Buffer.from([1]),
    general,
    Buffer.from([...fixed, ((layers + 1) << 3) | (isNested << 2) | 3, sets.length]),
    ...sets.flatMap(({ type, nals }) => [
      Buffer.from([0x80 | type, nals.length >> 8, nals.length & 0xff]),
      ...nals.flatMap((nal) => [length16(nal), nal]),
    ]),
  ]);
}

/** Goes through the sequence parameter set (H.265, 7.3.2.2) up to its bit depths. */
function hevcSampleFormat(sps: Buffer, layers: number): number[] {
  const bits = new BitReader(sps.subarray(13));
  const flags = Array.from({ length: layers }, () => [bits.take(1), bits.take(1)] as const);
  if (layers > 0) bits.take(2 * (8 - layers));
  for (const [hasProfile, hasLevel] of flags) {
    for (let i = 0; i < 11 * hasProfile + hasLevel; i++) bits.take(8);
  }
  bits.exponential();
  const chroma = bits.exponential();
  if (chroma === 3) bits.take(1);
  bits.exponential();
  bits.exponential();
  if (bits.take(1) === 1) for (let i = 0; i < 4; i++) bits.exponential();
  return formatBytes(chroma, bits);
}

function sampleFormat(bits: BitReader): number[] {
  const chroma = bits.exponential();
  if (chroma === 3) bits.take(1);
  return formatBytes(chroma, bits);
}

/** Chroma format and both bit depths above 8, with the reserved bits that stand before them. */
function formatBytes(chroma: number, bits: BitReader): number[] {
  return [0xfc | chroma, 0xf8 | bits.exponential(), 0xf8 | bits.exponential()];
}

/** Without the bytes that keep start codes from appearing by chance. */
function payload(nal: Buffer): Buffer {
  return Buffer.from(
    nal.filter((byte, i) => byte !== 3 || i < 2 || nal[i - 1] !== 0 || nal[i - 2] !== 0),
  );
}

function length32(nal: Buffer): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(nal.length);
  return bytes;
}

function length16(nal: Buffer): Buffer {
  return length32(nal).subarray(2);
}

/** Reads zeros beyond the end: what a broken stream says is not trusted for anything but labels. */
class BitReader {
  private readonly bytes: Buffer;
  private position = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  take(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.position++) {
      const byte = this.bytes[this.position >> 3] ?? 0;
      value = (value << 1) | ((byte >> (7 - (this.position & 7))) & 1);
    }
    return value;
  }

  /** An unsigned Exp-Golomb number. */
  exponential(): number {
    let zeros = 0;
    while (zeros < 24 && this.take(1) === 0) zeros += 1;
    return (1 << zeros) - 1 + this.take(zeros);
  }
}
