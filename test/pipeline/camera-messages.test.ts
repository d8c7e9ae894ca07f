// What a camera process sent or wrote: whatever it is, only what a healthy one could have meant comes through.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOTICE_NUMBERS } from '../../src/native/camera-link.ts';
import { readAnswer, readMessage, readNotice } from '../../src/pipeline/camera-messages.ts';

const anyNumber = fc.oneof(
  fc.constantFrom(-1, 0, 1, 2, 3, 0.5, 8, 9, 640, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53),
  fc.double(),
);

function numbersFor(length: number): fc.Arbitrary<Float64Array> {
  return fc
    .array(anyNumber, { minLength: length, maxLength: length })
    .map((numbers) => Float64Array.from(numbers));
}

describe('readMessage', () => {
  it('never throws, and gives back only what the contract knows', () => {
    const kinds = ['ready', 'stream', 'log', 'ended', 'toString', 'frame', 'printed'];
    const hostile = fc.record({ kind: fc.constantFrom(...kinds) }, { noNullPrototype: true });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.tuple(hostile, fc.object()).map(([a, b]) => ({ ...b, ...a })),
        ),
        (value) => {
          const message = readMessage(value);
          if (message === undefined) return;
          expect(['ready', 'stream', 'log', 'ended']).toContain(message.kind);
          expect(Object.hasOwn(message, '__proto__')).toBe(false);
        },
      ),
    );
  });

  it('drops fields that a stream does not have and refuses values that it cannot have', () => {
    const stream = {
      ...{ kind: 'stream', codec: 'h264', widthPx: 640, heightPx: 360, fps: 25 },
      ...{ decoder: 'avdec_h264', pixelFormat: 'I420' },
    };
    expect(readMessage({ ...stream, camera: 'other' })).toEqual(stream);
    for (const wrong of [{ codec: 'vp9' }, { widthPx: 1e9 }, { fps: -1 }, { decoder: 7 }]) {
      expect(readMessage({ ...stream, ...wrong })).toBeUndefined();
    }
  });
});

describe('readNotice', () => {
  const seen = [7, 28e7, 1000, 1, 640, 360, 2, 0.25];
  const frame = {
    ...{ sequence: 7, ptsNs: 28e7, captureMs: 1000, captureClock: 'rtcp' },
    ...{ widthPx: 640, heightPx: 360, skipped: 2, motion: 0.25 },
  };
  const notice = (numbers: Readonly<Record<number, number>> = {}): Float64Array => {
    const all = new Float64Array(NOTICE_NUMBERS).fill(-1, 0, 90);
    all.set(seen);
    for (const [at, number] of Object.entries(numbers)) all[Number(at)] = number;
    return all;
  };
  const box = (at: number): Record<number, number> => ({
    ...{ [at]: 0, [at + 1]: 0.5, [at + 2]: 0.25, [at + 3]: 0.5 },
  });

  it('reads frames with and without motion', () => {
    expect(readNotice(notice())).toEqual(frame);
    const turned = notice({ 90: -0.25, 91: 0.5 });
    expect(readNotice(turned)).toEqual({ ...frame, cameraShift: [-0.25, 0.5] });
    expect(readNotice(notice({ 90: Number.NaN }))).toBeUndefined();
    expect(readNotice(notice({ 8: 0, 41: 0 }))).toEqual({
      ...frame,
      ...{ motionBoxes: [], backgroundChanges: [] },
    });
    const change = { ...box(42), 46: 12_000, 47: 2, ...box(48), 52: 10_000, 53: 0 };
    expect(readNotice(notice({ 8: 1, ...box(9), 41: 2, ...change }))).toEqual({
      ...frame,
      motionBoxes: [[0, 0.5, 0.25, 0.5]],
      backgroundChanges: [
        { box: [0, 0.5, 0.25, 0.5], ageMs: 12_000, kind: 'went' },
        { box: [0, 0.5, 0.25, 0.5], ageMs: 10_000 },
      ],
    });
  });

  it('refuses numbers that a frame cannot have', () => {
    const one = { 8: 1, ...box(9), 41: 1, ...box(42), 46: 10_000, 47: 0 };
    expect(readNotice(notice(one))).toBeDefined();
    const wrongs = [
      ...[{ 0: -1 }, { 0: 0.5 }, { 1: -1 }, { 2: Number.NaN }, { 4: 1e9 }, { 5: 0 }, { 6: -1 }],
      ...[{ 7: 2 }, { 8: 9 }, { 8: 0.5 }, { 8: -1 }, { 9: 2 }, { 41: 9 }, { 41: -1 }, { 42: -1 }],
      ...[{ 46: -1 }, { 47: 3 }, { 47: 0.5 }],
    ];
    for (const wrong of wrongs) expect(readNotice(notice({ ...one, ...wrong }))).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(numbersFor(NOTICE_NUMBERS), (numbers) => {
        const read = readNotice(numbers);
        if (read === undefined) return;
        expect(read.motion).toBeLessThanOrEqual(1);
        expect(read.motionBoxes?.length ?? 0).toBeLessThanOrEqual(8);
      }),
    );
  });
});

describe('readAnswer', () => {
  const placement = { x: 1, y: 2, w: 30, h: 40 };
  const printed = { placement, bytes: 48, tookUs: 9 };

  it('reads what was printed, also in place of the frame on the ticket, and why not', () => {
    const numbers = [0, 1, 2, 30, 40, 9, 0, 0, 0, 0];
    expect(readAnswer(Float64Array.from(numbers), 48)).toEqual(printed);
    const newer = { sequence: 2, ptsNs: 4e7, captureMs: 1 };
    expect(readAnswer(Float64Array.of(0, 1, 2, 30, 40, 9, 1, 2, 4e7, 1), 48)).toEqual({
      ...printed,
      newer,
    });
    const causes = [1, 2, 3].map((outcome) =>
      readAnswer(Float64Array.of(outcome, ...Array<number>(9).fill(Number.NaN)), 48),
    );
    expect(causes).toEqual([
      ...[{ refused: 'frame_gone' }, { refused: 'bad_ticket' }, { refused: 'map_failed' }],
    ]);
  });

  it('refuses everything else', () => {
    fc.assert(
      fc.property(numbersFor(10), (numbers) => {
        const read = readAnswer(numbers, 48);
        const outcome = numbers[0]!;
        if (read === undefined) return;
        expect([0, 1, 2, 3]).toContain(outcome === 0 ? 0 : outcome);
        if ('refused' in read) return;
        for (const value of Object.values(read.placement)) expect(value).toBeGreaterThanOrEqual(0);
      }),
    );
    expect(readAnswer(Float64Array.of(0, -1, 2, 30, 40, 9, 0, 0, 0, 0), 48)).toBeUndefined();
    expect(readAnswer(Float64Array.of(0, 1, 2, 30, 40, 9, 1, -1, 0, 0), 48)).toBeUndefined();
  });
});
