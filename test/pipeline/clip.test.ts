// Clips from the stream as it was sent: where they begin and end, how much is kept, what happens when the stream does not go on.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CaptureClock } from '../../src/contracts/frame.ts';
import type { Clip } from '../../src/contracts/sink.ts';
import { createLog } from '../../src/core/log.ts';
import { ClipKeeper } from '../../src/pipeline/clip.ts';
import type { AccessUnit } from '../../src/pipeline/encoded-pipe.ts';
import { FakeClock } from '../fakes/fake-clock.ts';
import { frameOf } from '../fakes/frames.ts';

const SETTINGS = { before_s: 5, after_s: 10, buffer_mb: 1 };
const FPS = 10;

/** A JPEG stream whose units begin with their number; every 20th can be begun with. */
function unit(number: number, overrides: Partial<AccessUnit> = {}, bytes = 100): AccessUnit {
  const data = Buffer.alloc(bytes, 1);
  data.writeUInt32BE(number);
  return {
    codec: 'mjpeg',
    key: number % 20 === 0,
    configChanged: false,
    gapBefore: false,
    pts: (number * 90_000) / FPS,
    dtsDelta: 0,
    captureMs: 1e12 + (number * 1000) / FPS,
    captureClock: 'host',
    data,
    ...overrides,
  };
}

function keeper(settings = SETTINGS) {
  const clips: Clip[] = [];
  const clock = new FakeClock();
  const it = new ClipKeeper(settings, {
    clock,
    log: createLog('silent'),
    deliver: (clip) => clips.push(clip),
  });
  const feed = (
    from: number,
    to: number,
    overrides: Partial<AccessUnit> = {},
    bytes = 100,
  ): void => {
    for (let i = from; i < to; i++) it.unit('front', unit(i, i === from ? overrides : {}, bytes));
  };
  const cut = (second: number, path = `${second}.mp4`): boolean =>
    it.cut(frameOf('front', 1, { ptsNs: second * 1e9 }), path);
  /** Numbers of the first and last unit of each clip that is there. */
  const made = async (): Promise<[number, number][]> => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    return clips.map(({ parts }) => {
      const numbers = parts.slice(1).map((part) => Buffer.from(part).readUInt32BE());
      expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i));
      return [numbers[0]!, numbers.at(-1)!];
    });
  };
  it.watch('front', true);
  return { it, clips, clock, feed, cut, made };
}

test('a clip begins with the key frame before its beginning and ends when its time is over', async () => {
  const { feed, cut, made, clips } = keeper();
  feed(0, 301);
  expect(cut(29.7)).toBe(true);
  feed(301, 398);
  expect(await made()).toEqual([]);
  feed(398, 420);
  // 29.7 - 5 = 24.7: the key frame at 24.0; and 29.7 + 10 = 39.7.
  expect(await made()).toEqual([[240, 397]]);
  expect(clips[0]).toMatchObject({ camera: 'front', path: '29.7.mp4', duration_s: 15.8 });
  expect(clips[0]!.ts).toBe(new Date(1e12 + 24_000).toISOString());
});

test('several clips share the memory; the same one is not made twice, nor too many at once', async () => {
  const { feed, cut, made } = keeper();
  feed(0, 100);
  expect([9, 9, 9.5, 9.6, 9.7, 9.8].map((at) => cut(at))).toEqual([
    ...[true, true, true, true, true, false],
  ]);
  feed(100, 250);
  expect(await made()).toEqual([
    [40, 190],
    [40, 195],
    [40, 196],
    [40, 197],
  ]);
});

test('only what clips to come may need is kept, and never more than there is room for', async () => {
  const { feed, cut, made } = keeper();
  feed(0, 1000);
  // Asked for the past of a moment that is long over: the oldest that is kept is 5 + 3 s and a group old.
  cut(50);
  feed(1000, 1001);
  expect(await made()).toEqual([]);
  const { feed: feedMany, cut: cutMany, made: madeMany } = keeper();
  // Groups of 20 units of 10 kB: five of them fit into 1 MB.
  feedMany(0, 100, {}, 10_000);
  cutMany(9.9);
  feedMany(100, 215, {}, 10_000);
  expect(await madeMany()).toEqual([[120, 199]]);
});

test('a stream that ends, changes or stands still ends its clips there', async () => {
  const { it, clock, feed, cut, made } = keeper();
  feed(0, 100);
  cut(9);
  it.end('front');
  expect(cut(9.1)).toBe(false);
  feed(0, 100);
  cut(9.2);
  feed(0, 60, { configChanged: true });
  cut(5);
  clock.advance(14_000);
  expect(await made()).toHaveLength(2);
  clock.advance(2000);
  expect(await made()).toEqual([
    [40, 99],
    [40, 99],
    [0, 59],
  ]);
});

test('a camera that nobody wants clips of costs nothing and gives none', async () => {
  const { it, feed, cut, made } = keeper();
  expect(it.watch('front', true)).toBe(false);
  feed(0, 100);
  cut(9);
  expect(it.watch('front', false)).toBe(true);
  expect(await made()).toEqual([[40, 99]]);
  feed(100, 200);
  expect(cut(15)).toBe(false);
});

test('pictures that need what was sent before the beginning are left out', async () => {
  const { it, clips, cut, made } = keeper();
  // The unit after each key frame is shown before it, and refers to the pictures before both.
  const shown = (i: number): number => (i % 20 === 1 ? unit(i - 1).pts - 4500 : unit(i).pts);
  for (let i = 0; i < 120; i++) it.unit('front', unit(i, { pts: shown(i) }));
  cut(9);
  it.end('front');
  await made().catch(() => []);
  const numbers = clips[0]!.parts.slice(1).map((part) => Buffer.from(part).readUInt32BE());
  expect(numbers.slice(0, 3)).toEqual([40, 42, 43]);
  expect(numbers).toContain(61);
});

describe('of two streams', () => {
  /** Each with a timeline of its own: the recorded one began 7 s later, and its time stamps at 3 s. */
  const recorded = (captureMs: number): number => Math.round((captureMs - 1e12 - 7000 + 3000) * 90);
  type Clocks = { frame?: CaptureClock; units?: CaptureClock; offMs?: number };

  function both({ frame = 'rtcp', units = 'rtcp', offMs = 0 }: Clocks = {}) {
    const one = keeper();
    one.it.watch('front', true, 'record');
    /** Units `from` to `to` in tenths of a second since the beginning; the recorded ones are marked by a thousand. */
    const go = (from: number, to: number, streams: 'both' | 'detect' = 'both'): void => {
      for (let i = from; i < to; i++) {
        one.clock.advance(100);
        one.it.unit('front', unit(i));
        if (streams === 'detect' || i < 70) continue;
        const { captureMs } = unit(i);
        const at = { pts: recorded(captureMs), captureMs: captureMs + offMs, captureClock: units };
        one.it.unit('front', { ...unit(i + 1000, { ...at, key: i % 10 === 0 }) }, 'record');
      }
    };
    const cutNow = (tenth: number, agoMs = 0): boolean =>
      one.it.cut(
        frameOf('front', 1, {
          ...{ ptsNs: tenth * 1e8, captureMs: 1e12 + tenth * 100, captureClock: frame },
          arrivedMs: one.clock.monotonicMs() - agoMs,
        }),
        `${tenth}.mp4`,
      );
    return { ...one, go, cutNow };
  }

  test.each([
    ['both by the camera’s clock', {}],
    ['both by their arrival', { frame: 'host', units: 'host' }],
    ['only one by a camera’s clock, which is wrong', { units: 'host', offMs: -4321 }],
  ] as [string, Clocks][])('the recorded one gives the clip: %s', async (_, clocks) => {
    const { go, cutNow, made, clips } = both(clocks);
    go(0, 201);
    expect(cutNow(195, 500)).toBe(true);
    go(201, 320);
    // 19.5 - 5: the key frame at 14.0 of the recorded stream, and 19.5 + 10.
    expect(await made()).toEqual([[1140, 1295]]);
    expect(clips[0]!.duration_s).toBeCloseTo(15.6);
  });

  test('the decoded one gives it while the recorded one is away, whenever that went', async () => {
    for (const lastUnit of [50, 190, 250]) {
      const { it, go, cutNow, made } = both();
      go(0, Math.min(lastUnit, 196));
      if (lastUnit < 196) go(lastUnit, 196, 'detect');
      expect(cutNow(195)).toBe(true);
      go(196, Math.max(196, lastUnit));
      it.end('front', 'record');
      go(Math.max(196, lastUnit), 320, 'detect');
      expect(await made()).toEqual([[140, 295]]);
    }
  });

  test('what there is is better than nothing', async () => {
    const { it, go, cutNow, made } = both();
    go(0, 196);
    cutNow(195);
    go(196, 250);
    it.end('front');
    it.end('front', 'record');
    expect(cutNow(250)).toBe(false);
    expect(await made()).toEqual([[1140, 1249]]);
  });
});

test('whatever is asked for when, each clip begins with a key frame and lies around its moment', async () => {
  const step = fc.record({ units: fc.integer({ min: 1, max: 80 }), lateness: fc.nat(25) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const { it, feed, cut, made, clips } = keeper();
      let at = 0;
      const wanted: { path: string; moment: number }[] = [];
      for (const { units, lateness } of steps) {
        feed(at, at + units);
        at += units;
        const moment = Math.max(0, at - 1 - lateness);
        const path = `${wanted.length}.mp4`;
        if (cut(moment / FPS, path)) wanted.push({ path, moment });
      }
      const last = at - 1;
      await it.drain();
      const ranges = await made();
      expect(clips.map(({ path }) => path).sort()).toEqual(wanted.map(({ path }) => path).sort());
      for (const [i, { path }] of clips.entries()) {
        const { moment } = wanted.find((one) => one.path === path)!;
        const [first, end] = ranges[i]!;
        expect(first % 20).toBe(0);
        expect(first).toBeLessThanOrEqual(Math.max(0, moment - 50));
        expect(first).toBeGreaterThan(moment - 50 - 20);
        expect(end).toBe(Math.min(last, moment + 100));
      }
    }),
    { numRuns: 60 },
  );
});
