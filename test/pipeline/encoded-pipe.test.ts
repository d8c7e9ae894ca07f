import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AccessUnit,
  EncodedWriter,
  parameterSets,
  RecordParser,
  toPts90k,
  type UnitToWrite,
  writeRecord,
} from '../../src/pipeline/encoded-pipe.ts';

const unitArbitrary: fc.Arbitrary<AccessUnit> = fc.record({
  codec: fc.constantFrom('h264', 'h265', 'mjpeg'),
  key: fc.boolean(),
  configChanged: fc.boolean(),
  gapBefore: fc.boolean(),
  pts: fc.nat({ max: 2 ** 50 }),
  dtsDelta: fc.integer({ min: -(2 ** 31), max: 0 }),
  captureMs: fc.double({ noNaN: true }),
  captureClock: fc.constantFrom('rtcp', 'host'),
  data: fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
});

/** A Writable that swallows nothing until it is told to. */
class SlowReader extends Writable {
  readonly chunks: Buffer[] = [];
  private waiting: (() => void)[] = [];
  open = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const take = (): void => {
      this.chunks.push(chunk);
      done();
    };
    if (this.open) take();
    else this.waiting.push(take);
  }

  drain(): void {
    this.open = true;
    for (const take of this.waiting.splice(0)) take();
    this.open = false;
  }
}

const SPS = [0, 0, 0, 1, 0x67, 1, 2, 3];
const OTHER_SPS = [0, 0, 0, 1, 0x67, 1, 2, 4];
const PPS = [0, 0, 0, 1, 0x68, 9];
const IDR = [0, 0, 1, 0x65, 1, 1, 1];
const SLICE = [0, 0, 1, 0x41, 2, 2, 2];

function unit(frame: number, bytes: readonly number[], padding = 0): UnitToWrite {
  const data = Buffer.concat([Buffer.from(bytes), Buffer.alloc(padding, 7)]);
  return {
    codec: 'h264',
    key: bytes.includes(0x65),
    ptsNs: frame * 40_000_000,
    dtsNs: (frame - 2) * 40_000_000,
    captureMs: 1000 + frame * 40,
    captureClock: 'host',
    skippedBefore: false,
    data,
  };
}

function parse(chunks: readonly Buffer[]): AccessUnit[] {
  const parser = new RecordParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
}

describe('records', () => {
  it('come out as they went in, however the pipe cuts them', () => {
    fc.assert(
      fc.property(
        fc.array(unitArbitrary, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 997 }), { minLength: 1 }),
        (units, cuts) => {
          let rest = Buffer.concat(units.map(writeRecord));
          const chunks: Buffer[] = [];
          for (let at = 0; rest.length > 0; at++) {
            const cut = cuts[at % cuts.length] ?? 1;
            chunks.push(rest.subarray(0, cut));
            rest = rest.subarray(cut);
          }
          expect(parse(chunks)).toEqual(units);
        },
      ),
    );
  });

  it('have this form', () => {
    const record = writeRecord({
      codec: 'h265',
      key: true,
      configChanged: true,
      gapBefore: false,
      pts: 0x0102030405,
      dtsDelta: -2,
      captureMs: 1.5,
      captureClock: 'rtcp',
      data: Buffer.from([0xaa]),
    });
    expect(record.toString('hex')).toBe(
      [
        '19000000',
        '02',
        '0b',
        '0000',
        '0504030201000000',
        'feffffff',
        '000000000000f83f',
        'aa',
      ].join(''),
    );
  });

  it.each([
    ['longer than any access unit', [0xff, 0xff, 0xff, 0x7f]],
    ['shorter than its own header', [3, 0, 0, 0]],
    ['of an unknown kind', [24, 0, 0, 0, 9, ...Array<number>(23).fill(0)]],
  ])('are refused when they are %s', (_what, bytes) => {
    expect(() => parse([Buffer.from(bytes)])).toThrow(RangeError);
  });

  it('count in 90 kHz without drifting', () => {
    for (const frame of [0, 1, 29, 1_000_001]) {
      expect(toPts90k(Math.round((frame * 1e9) / 30))).toBe(frame * 3000);
    }
  });
});

describe('EncodedWriter', () => {
  it('begins with a key frame, whose parameter sets it announces', () => {
    const pipe = new PassThrough();
    const writer = new EncodedWriter(pipe);
    writer.write(unit(0, SLICE));
    writer.write(unit(1, [...SPS, ...PPS, ...IDR]));
    writer.write(unit(2, SLICE));
    writer.write(unit(3, [...SPS, ...PPS, ...IDR]));
    writer.write(unit(4, [...OTHER_SPS, ...PPS, ...IDR]));
    const units = parse([pipe.read() as Buffer]);
    expect(
      units.map(({ key, configChanged, gapBefore }) => [key, configChanged, gapBefore]),
    ).toEqual([
      [true, true, false],
      [false, false, false],
      [true, false, false],
      [true, true, false],
    ]);
    expect(units[0]).toMatchObject({ pts: 3600, dtsDelta: -7200, captureMs: 1040 });
    expect(writer.dropped).toBe(1);
  });

  it('drops to the next key frame when nobody reads, and says so there', () => {
    const pipe = new SlowReader();
    const writer = new EncodedWriter(pipe, 10_000);
    writer.write(unit(0, [...SPS, ...IDR], 3000));
    writer.write(unit(1, SLICE, 3000));
    writer.write(unit(2, SLICE, 5000));
    pipe.drain();
    writer.write(unit(3, SLICE));
    writer.write(unit(4, [...SPS, ...IDR]));
    pipe.drain();
    const units = parse(pipe.chunks);
    expect(units.map(({ captureMs, gapBefore }) => [captureMs, gapBefore])).toEqual([
      [1000, false],
      [1040, false],
      [1160, true],
    ]);
    expect(writer.dropped).toBe(2);
  });

  it('never holds more than its limit and never passes a unit whose reference is missing', () => {
    const step = fc.record({
      key: fc.boolean(),
      size: fc.nat({ max: 4000 }),
      lost: fc.boolean(),
      read: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const pipe = new SlowReader();
        const writer = new EncodedWriter(pipe, 9000);
        for (const [frame, { key, size, lost, read }] of steps.entries()) {
          writer.write({ ...unit(frame, key ? IDR : SLICE, size), skippedBefore: lost });
          expect(pipe.writableLength).toBeLessThanOrEqual(9000 + 64 * steps.length);
          if (read) pipe.drain();
        }
        for (let i = 0; i < steps.length; i++) pipe.drain();
        const lostAt = new Set(steps.flatMap(({ lost }, frame) => (lost ? [frame] : [])));
        let last = -1;
        for (const { key, captureMs } of parse(pipe.chunks)) {
          const frame = (captureMs - 1000) / 40;
          if (!key) {
            expect(frame).toBe(last + 1);
            expect(lostAt.has(frame)).toBe(false);
          }
          last = frame;
        }
      }),
    );
  });
});

describe('parameterSets', () => {
  it('ignores what stands between them and stops at the first slice', () => {
    const sei = [0, 0, 1, 0x06, 5, 5];
    const found = parameterSets(
      Buffer.from([...SPS, ...sei, ...PPS, ...IDR, ...OTHER_SPS]),
      'h264',
    );
    expect([...found]).toEqual([0, 0, 1, 0x67, 1, 2, 3, 0, 0, 1, 0x68, 9]);
  });

  it('knows those of H.265', () => {
    const nal = (type: number): number[] => [0, 0, 0, 1, type << 1, 1, type];
    const bytes = [
      ...nal(35),
      ...nal(32),
      ...nal(33),
      ...nal(34),
      ...nal(39),
      ...nal(19),
      ...nal(33),
    ];
    const types = parameterSets(Buffer.from(bytes), 'h265').filter((_, at) => at % 6 === 3);
    expect([...types].map((byte) => byte >> 1)).toEqual([32, 33, 34]);
  });
});
