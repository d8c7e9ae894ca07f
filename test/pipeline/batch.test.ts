import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/contracts/frame.ts';
import { WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import type { Ticket } from '../../src/contracts/ticket.ts';
import type { BatchSet } from '../../src/infer/engine.ts';
import {
  type BatchDeps,
  type BatchEntry,
  Batcher,
  type Printed,
} from '../../src/pipeline/batch.ts';
import { FakeClock } from '../fakes/fake-clock.ts';
import { frameOf } from '../fakes/frames.ts';

const FORMAT = {
  widthPx: 4,
  heightPx: 4,
  layout: 'planar',
  order: 'rgb',
  dtype: 'uint8',
  fit: 'corner',
  pad: 114,
  mean: [0, 0, 0],
  scale: [1, 1, 1],
} as const;
const PLACED: Printed = { placement: { x: 0, y: 0, w: 4, h: 4 }, bytes: 48, tookUs: 1 };

interface Run {
  set: BatchSet;
  entries: readonly BatchEntry[];
  finish(): void;
}

/** A batcher whose prints and runs finish when the test says so. */
function bench(lanes: number, capacity: number, overrides: Partial<BatchDeps> = {}) {
  const clock = new FakeClock();
  const frames: Frame[] = [];
  const prints: ((printed: Printed) => void)[] = [];
  const runs: Run[] = [];
  const refused: Frame[] = [];
  const running = new Map<number, number>();
  const sets = Array.from({ length: lanes * 2 }, (_, i) => ({
    lane: Math.floor(i / 2),
    offset: i * capacity * 64,
    bytesPerFrame: 48,
    capacity,
  }));
  const batcher = new Batcher({
    clock,
    sets,
    format: FORMAT,
    maxQueueDelayMs: 5,
    preferredSizes: [],
    cameras: () => 99,
    startByMs: () => Number.POSITIVE_INFINITY,
    take: () => frames.shift(),
    rectangleOf: () => WHOLE_FRAME,
    print: () => new Promise((resolve) => prints.push(resolve)),
    run: (set, entries) => {
      running.set(set.lane, (running.get(set.lane) ?? 0) + 1);
      expect(running.get(set.lane)).toBe(1);
      return new Promise((resolve) => {
        runs.push({
          set,
          entries,
          finish: () => {
            running.set(set.lane, 0);
            resolve();
          },
        });
      });
    },
    onRefused: (frame) => refused.push(frame),
    ...overrides,
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, frames, prints, runs, refused, batcher, settle };
}

describe('Batcher', () => {
  it('infers one set while the next is printed, and holds nothing beyond', async () => {
    const { frames, prints, runs, batcher, settle } = bench(1, 1);
    for (let i = 1; i <= 5; i++) frames.push(frameOf('a', i));
    batcher.pump();
    expect(prints).toHaveLength(2);
    for (const print of prints) print(PLACED);
    await settle();
    expect(runs).toHaveLength(1);
    expect(frames).toHaveLength(3);
    runs[0]!.finish();
    await settle();
    expect(runs).toHaveLength(2);
    expect(frames).toHaveLength(2);
  });

  it('has a newer frame printed where the camera does not tell of each', async () => {
    const tickets: Omit<Ticket, 'id'>[] = [];
    const newer = { sequence: 9, ptsNs: 9e9, captureMs: 99 };
    const foreign = { camera: 'b', session: 'other' };
    const { clock, frames, runs, batcher, settle } = bench(1, 2, {
      print: async (_, ticket) => {
        tickets.push(ticket);
        clock.advance(1);
        return ticket.orNewer ? { ...PLACED, newer: { ...newer, ...foreign } } : PLACED;
      },
    });
    frames.push(frameOf('a', 3), frameOf('a', 6, { untold: 2 }));
    const [first, second] = frames;
    batcher.pump();
    await settle();
    expect(tickets.map(({ sequence, orNewer }) => [sequence, orNewer])).toEqual([
      [3, false],
      [6, true],
    ]);
    expect(runs[0]!.entries.map(({ taken }) => taken)).toEqual([first, second]);
    expect(runs[0]!.entries.map(({ frame }) => frame)).toEqual([
      first,
      { ...second, ...newer, arrivedMs: clock.monotonicMs() },
    ]);
  });

  it('spreads frames over idle lanes first', async () => {
    const { frames, prints, runs, batcher, settle } = bench(2, 1);
    frames.push(frameOf('a', 1), frameOf('b', 1));
    batcher.pump();
    for (const print of prints) print(PLACED);
    await settle();
    expect(runs.map((run) => run.set.lane).sort()).toEqual([0, 1]);
  });

  it('closes an incomplete batch at its deadline', async () => {
    const { clock, frames, prints, runs, batcher, settle } = bench(1, 4);
    frames.push(frameOf('a', 1), frameOf('b', 1));
    batcher.pump();
    for (const print of prints) print(PLACED);
    await settle();
    expect(runs).toHaveLength(0);
    clock.advance(5);
    await settle();
    expect(runs[0]!.entries.map((entry) => entry.frame.camera)).toEqual(['a', 'b']);
  });

  it('leaves before its first frame would be late', async () => {
    const { clock, frames, prints, runs, batcher, settle } = bench(1, 4, {
      startByMs: (frame) => (frame.camera === 'fast' ? 3 : 100),
    });
    frames.push(frameOf('slow', 1), frameOf('fast', 1));
    batcher.pump();
    for (const print of prints) print(PLACED);
    clock.advance(2);
    await settle();
    expect(runs).toHaveLength(0);
    clock.advance(1);
    await settle();
    expect(runs).toHaveLength(1);
  });

  it('leaves at once with a frame that is late already', async () => {
    const { clock, frames, prints, runs, batcher, settle } = bench(1, 4, { startByMs: () => -50 });
    frames.push(frameOf('a', 1));
    batcher.pump();
    prints[0]!(PLACED);
    clock.advance(0);
    await settle();
    expect(runs).toHaveLength(1);
  });

  it('leaves with a preferred size when nothing waits, and goes on to a larger one when something does', async () => {
    const { frames, prints, runs, batcher, settle } = bench(1, 8, { preferredSizes: [2, 4] });
    frames.push(frameOf('a', 1), frameOf('b', 1), frameOf('c', 1), frameOf('d', 1));
    batcher.pump();
    for (const print of prints) print(PLACED);
    await settle();
    expect(runs.map((run) => run.entries.length)).toEqual([4]);
  });

  it('waits for nobody when it has a frame of every camera', async () => {
    const { frames, prints, runs, batcher, settle } = bench(1, 8, { cameras: () => 2 });
    frames.push(frameOf('a', 1), frameOf('b', 1));
    batcher.pump();
    for (const print of prints) print(PLACED);
    await settle();
    expect(runs.map((run) => run.entries.length)).toEqual([2]);
  });

  it('takes more frames in for as long as its lane works', async () => {
    const { clock, frames, prints, runs, batcher, settle } = bench(1, 4);
    const offer = async (camera: string): Promise<void> => {
      frames.push(frameOf(camera, 1));
      batcher.pump();
      prints.pop()!(PLACED);
      clock.advance(5);
      await settle();
    };
    for (const camera of ['a', 'b', 'c', 'd']) await offer(camera);
    expect(runs.map((run) => run.entries.length)).toEqual([1]);
    runs[0]!.finish();
    await settle();
    expect(runs.map((run) => run.entries.length)).toEqual([1, 3]);
  });

  it('prefers an idle lane to a batch that waits for a busy one', async () => {
    const { clock, frames, prints, runs, batcher, settle } = bench(2, 4);
    for (const camera of ['a', 'b']) {
      frames.push(frameOf(camera, 1));
      batcher.pump();
      prints.pop()!(PLACED);
      clock.advance(5);
      await settle();
    }
    expect(runs.map((run) => run.set.lane).sort()).toEqual([0, 1]);
  });

  it('does not run a set whose frames are all gone', async () => {
    const { frames, prints, runs, refused, batcher, settle } = bench(1, 1);
    frames.push(frameOf('a', 1));
    batcher.pump();
    prints[0]!({ refused: 'frame_gone' });
    await settle();
    expect(runs).toHaveLength(0);
    expect(refused).toHaveLength(1);
    frames.push(frameOf('a', 2));
    batcher.pump();
    prints[1]!(PLACED);
    await settle();
    expect(runs).toHaveLength(1);
  });

  it('neither loses nor repeats a frame, whatever the order of answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.nat(), { minLength: 10, maxLength: 80 }),
        async (lanes, capacity, choices) => {
          const { clock, frames, prints, runs, refused, batcher, settle } = bench(lanes, capacity);
          let offered = 0;
          const inferred: number[] = [];
          const act = (choice: number) => {
            if (choice % 4 === 0) frames.push(frameOf('a', ++offered));
            else if (choice % 4 === 1 && prints.length > 0) {
              const [print] = prints.splice(choice % prints.length, 1);
              print!(choice % 7 === 0 ? { refused: 'frame_gone' } : PLACED);
            } else if (choice % 4 === 2 && runs.length > 0) {
              const [run] = runs.splice(choice % runs.length, 1);
              for (const { frame, placement } of run!.entries) {
                if (placement !== undefined) inferred.push(frame.sequence);
              }
              run!.finish();
            } else clock.advance(3);
            batcher.pump();
          };
          for (const choice of choices) {
            act(choice);
            await settle();
          }
          for (let i = 0; i < 400 && inferred.length + refused.length < offered; i++) {
            act((i % 3) + 1);
            await settle();
          }
          const seen = [...inferred, ...refused.map((frame) => frame.sequence)].sort(
            (a, b) => a - b,
          );
          expect(seen).toEqual(Array.from({ length: offered }, (_, i) => i + 1));
        },
      ),
      { numRuns: 40 },
    );
  });
});
