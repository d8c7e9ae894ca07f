import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame } from '../../src/contracts/frame.ts';
import { WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import type { BatchSet } from '../../src/infer/engine.ts';
import { type BatchDeps, type BatchEntry, Batcher } from '../../src/pipeline/batch.ts';
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

interface Run {
  set: BatchSet;
  entries: readonly BatchEntry[];
  finish(): void;
}

/** A batcher whose runs finish when the test says so; what was printed is for the session to wait for. */
function bench(lanes: number, capacity: number, overrides: Partial<BatchDeps> = {}) {
  const clock = new FakeClock();
  const frames: Frame[] = [];
  const offsets: number[] = [];
  const runs: Run[] = [];
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
    order: (_, { offset }) => {
      offsets.push(offset);
      return { asked: undefined, result: () => ({ refused: 'frame_gone' }) };
    },
    run: (set, entries) => {
      running.set(set.lane, (running.get(set.lane) ?? 0) + 1);
      expect(running.get(set.lane)).toBeLessThanOrEqual(2);
      return new Promise((resolve) => {
        runs.push({
          set,
          entries,
          finish: () => {
            running.set(set.lane, (running.get(set.lane) ?? 0) - 1);
            resolve();
          },
        });
      });
    },
    ...overrides,
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, frames, offsets, runs, batcher, settle };
}

describe('Batcher', () => {
  it('gives a lane its next set while it works, each in memory of its own, and holds nothing beyond', async () => {
    const { frames, offsets, runs, batcher, settle } = bench(1, 1);
    for (let i = 1; i <= 5; i++) frames.push(frameOf('a', i));
    batcher.pump();
    expect(runs).toHaveLength(2);
    expect(offsets).toEqual([0, 64]);
    expect(frames).toHaveLength(3);
    runs[0]!.finish();
    await settle();
    expect(runs).toHaveLength(3);
    expect(offsets).toEqual([0, 64, 0]);
    expect(frames).toHaveLength(2);
  });

  it('spreads frames over idle lanes first', async () => {
    const { frames, runs, batcher, settle } = bench(2, 1);
    frames.push(frameOf('a', 1), frameOf('b', 1));
    batcher.pump();
    await settle();
    expect(runs.map((run) => run.set.lane).sort()).toEqual([0, 1]);
  });

  it('closes an incomplete batch at its deadline', async () => {
    const { clock, frames, runs, batcher, settle } = bench(1, 4);
    frames.push(frameOf('a', 1), frameOf('b', 1));
    batcher.pump();
    await settle();
    expect(runs).toHaveLength(0);
    clock.advance(5);
    await settle();
    expect(runs[0]!.entries.map((entry) => entry.frame.camera)).toEqual(['a', 'b']);
  });

  it('leaves before its first frame would be late', async () => {
    const { clock, frames, runs, batcher, settle } = bench(1, 4, {
      startByMs: (frame) => (frame.camera === 'fast' ? 3 : 100),
    });
    frames.push(frameOf('slow', 1), frameOf('fast', 1));
    batcher.pump();
    clock.advance(2);
    await settle();
    expect(runs).toHaveLength(0);
    clock.advance(1);
    await settle();
    expect(runs).toHaveLength(1);
  });

  it('leaves at once with a frame that is late already', async () => {
    const { clock, frames, runs, batcher, settle } = bench(1, 4, { startByMs: () => -50 });
    frames.push(frameOf('a', 1));
    batcher.pump();
    clock.advance(0);
    await settle();
    expect(runs).toHaveLength(1);
  });

  it('leaves with a preferred size when nothing waits, and goes on to a larger one when something does', async () => {
    const { frames, runs, batcher, settle } = bench(1, 8, { preferredSizes: [2, 4] });
    frames.push(frameOf('a', 1), frameOf('b', 1), frameOf('c', 1), frameOf('d', 1));
    batcher.pump();
    await settle();
    expect(runs.map((run) => run.entries.length)).toEqual([4]);
  });

  it('waits for nobody when it has a frame of every camera', async () => {
    const { frames, runs, batcher, settle } = bench(1, 8, { cameras: () => 2 });
    frames.push(frameOf('a', 1), frameOf('b', 1));
    batcher.pump();
    await settle();
    expect(runs.map((run) => run.entries.length)).toEqual([2]);
  });

  it('takes more frames in for as long as its lane works', async () => {
    const { clock, frames, runs, batcher, settle } = bench(1, 4);
    const offer = async (camera: string): Promise<void> => {
      frames.push(frameOf(camera, 1));
      batcher.pump();
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
    const { clock, frames, runs, batcher, settle } = bench(2, 4);
    for (const camera of ['a', 'b']) {
      frames.push(frameOf(camera, 1));
      batcher.pump();
      clock.advance(5);
      await settle();
    }
    expect(runs.map((run) => run.set.lane).sort()).toEqual([0, 1]);
  });

  it('neither loses nor repeats a frame, whatever the order of results', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.nat(), { minLength: 10, maxLength: 80 }),
        async (lanes, capacity, choices) => {
          const { clock, frames, runs, batcher, settle } = bench(lanes, capacity);
          let offered = 0;
          const inferred: number[] = [];
          const act = (choice: number) => {
            if (choice % 4 === 0) frames.push(frameOf('a', ++offered));
            else if (choice % 4 === 1 && runs.length > 0) {
              const [run] = runs.splice(choice % runs.length, 1);
              for (const { frame } of run!.entries) inferred.push(frame.sequence);
              run!.finish();
            } else clock.advance(3);
            batcher.pump();
          };
          for (const choice of choices) {
            act(choice);
            await settle();
          }
          for (let i = 0; i < 400 && inferred.length < offered; i++) {
            act((i % 3) + 1);
            await settle();
          }
          const seen = inferred.sort((a, b) => a - b);
          expect(seen).toEqual(Array.from({ length: offered }, (_, i) => i + 1));
        },
      ),
      { numRuns: 40 },
    );
  });
});
