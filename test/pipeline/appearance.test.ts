// Who is described, and what becomes of frames when describing is slow, late or fails.
import { describe, expect, it } from 'vitest';
import type { Detection } from '../../src/contracts/detection.ts';
import { createLog } from '../../src/core/log.ts';
import type { InferenceEngine } from '../../src/infer/engine.ts';
import { embeddingHead } from '../../src/infer/heads/embedding.ts';
import type { EmbeddingHead } from '../../src/infer/heads/head.ts';
import { AppearanceStage } from '../../src/pipeline/appearance.ts';
import type { Printed } from '../../src/pipeline/batch.ts';
import { frameOf } from '../fakes/frames.ts';

const PRINTED: Printed = { placement: { x: 0, y: 0, w: 4, h: 8 }, bytes: 96, tookUs: 10 };

function person(score: number, x = 0.1): Detection {
  return { box: [x, 0.2, 0.1, 0.4], score, label: 'person' };
}

/** An engine whose vectors say which position of which run they come from: [run, position]. */
class FakeEngine {
  readonly manifest = { labels: ['person'] };
  readonly format = { widthPx: 4, heightPx: 8 };
  readonly head = embeddingHead;
  readonly sets = [0, 1].map((i) => ({ lane: 0, offset: i * 192, bytesPerFrame: 96, capacity: 2 }));
  readonly runs: { offset: number; count: number }[] = [];
  gate: Promise<unknown> = Promise.resolve();
  failure: Error | undefined;
  private busy = false;

  async run(set: { offset: number }, count: number, read: (outputs: unknown[]) => unknown) {
    expect(this.busy).toBe(false);
    this.busy = true;
    this.runs.push({ offset: set.offset, count });
    await this.gate;
    this.busy = false;
    if (this.failure !== undefined) throw this.failure;
    const data = new Float32Array(2 * count);
    for (let i = 0; i < count; i++) data.set([3 * this.runs.length, 4 * this.runs.length], 2 * i);
    return read([{ name: 'vector', shape: [count, 2], dtype: 'float32', data }]);
  }
}

function stage(engine: FakeEngine, print: () => Promise<Printed> = async () => PRINTED) {
  const tickets: { camera: string; sequence: number; rectangle: unknown; offset: number }[] = [];
  const appearance = new AppearanceStage({
    engine: engine as unknown as InferenceEngine<EmbeddingHead>,
    log: createLog('silent'),
    minScore: 0.5,
    print: (camera, ticket) => {
      tickets.push({ camera, ...ticket });
      return print();
    },
  });
  return { appearance, tickets };
}

describe('describing objects', () => {
  it('gives the surest of the described label a vector of length one, and keeps the order', async () => {
    const engine = new FakeEngine();
    const { appearance, tickets } = stage(engine);
    const car: Detection = { ...person(0.95), label: 'car' };
    const tiny: Detection = { ...person(0.94), box: [0, 0, 0.004, 0.4] };
    const found = [car, tiny, person(0.9), person(0.8, 0.3), person(0.7, 0.5), person(0.4, 0.7)];
    const described = await appearance.describe(frameOf('gate', 7), found);
    expect(described.map(({ score }) => score)).toEqual(found.map(({ score }) => score));
    expect(described.map(({ embedding }) => embedding?.length)).toEqual([
      ...[undefined, undefined, 2, 2, undefined, undefined],
    ]);
    expect(described[2]!.embedding![0]).toBeCloseTo(0.6);
    expect(described[2]!.embedding![1]).toBeCloseTo(0.8);
    expect(tickets.map(({ sequence, rectangle, offset }) => [sequence, rectangle, offset])).toEqual(
      [
        [7, found[2]!.box, 96 + 96],
        [7, found[3]!.box, 96 + 192],
      ],
    );
  });

  it('lets frames go on without vectors while both batch sets are taken, and never runs two at once', async () => {
    const engine = new FakeEngine();
    let open = () => {};
    engine.gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { appearance } = stage(engine);
    const waiting = [1, 2].map((sequence) =>
      appearance.describe(frameOf('gate', sequence), [person(0.9)]),
    );
    const third = await appearance.describe(frameOf('gate', 3), [person(0.9)]);
    expect(third[0]!.embedding).toBeUndefined();
    open();
    const done = await Promise.all(waiting);
    expect(done.map(([one]) => one!.embedding?.length)).toEqual([2, 2]);
    const again = await appearance.describe(frameOf('gate', 4), [person(0.9)]);
    expect(again[0]!.embedding).toHaveLength(2);
  });

  it('gives nothing to an object whose crop is gone, and runs nothing for crops that are all gone', async () => {
    const engine = new FakeEngine();
    let count = 0;
    const someGone = stage(engine, async () =>
      count++ === 0 ? { refused: 'frame_gone' } : PRINTED,
    );
    const [first, second] = await someGone.appearance.describe(frameOf('gate', 1), [
      person(0.9),
      person(0.8),
    ]);
    expect([first!.embedding, second!.embedding?.length]).toEqual([undefined, 2]);
    const allGone = stage(engine, async () => ({ refused: 'frame_gone' }));
    const found = [person(0.9)];
    expect(await allGone.appearance.describe(frameOf('gate', 2), found)).toEqual(found);
    expect(engine.runs).toHaveLength(1);
  });

  it('survives a run that fails', async () => {
    const engine = new FakeEngine();
    engine.failure = new Error('out of memory');
    const { appearance } = stage(engine);
    const found = [person(0.9)];
    for (let i = 0; i < 3; i++) {
      expect(await appearance.describe(frameOf('gate', i), found)).toEqual(found);
    }
    engine.failure = undefined;
    const [described] = await appearance.describe(frameOf('gate', 9), found);
    expect(described!.embedding).toHaveLength(2);
  });
});

describe('the embedding head', () => {
  const output = { name: 'v', dtype: 'float32', shape: ['batch', 512] } as const;
  const manifest = { head: 'embedding' } as Parameters<typeof embeddingHead.refuses>[0];

  it('takes one vector per picture and says what else a model gives', () => {
    expect(embeddingHead.refuses(manifest, [output])).toBeUndefined();
    expect(embeddingHead.refuses(manifest, [output, { ...output, name: 'w' }])).toContain('v, w');
    expect(embeddingHead.refuses({ ...manifest, head: 'yolox' }, [output])).toContain('yolox');
  });
});
