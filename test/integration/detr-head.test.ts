// The head of the DETR family in a batch of two against onnxruntime-node: the same prints, other sizes, the same objects.
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePicture } from '../../bench/detect/pictures.ts';
import { benchModel } from '../../bench/models.ts';
import type { Detection } from '../../src/contracts/detection.ts';
import { WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import { readDetections } from '../../src/infer/detections.ts';
import { arenaBytesFor, InferenceEngine } from '../../src/infer/engine.ts';
import { detrHead } from '../../src/infer/heads/detr.ts';
import { Arena } from '../../src/native/arena.ts';
import { type PixelSource, printPixels } from '../../src/native/print.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import { needsShared, shared } from '../shared.ts';

const MIN_SCORE = 0.3;
const FILES = ['000000005001.jpg', '000000010764.jpg'];

describe.skipIf(needsShared('the DETR head'))('DEIMv2-Femto', () => {
  // A batch holds two; without suppression, as the reference has none.
  const manifest = { ...benchModel('deimv2-femto-416'), nmsIou: 1, maxBatch: 2 };
  const arena = Arena.create(arenaBytesFor(manifest, 1, 2));
  let engine: InferenceEngine;
  let pictures: PixelSource[];

  beforeAll(async () => {
    const layout = { sessions: 1, threads: 1, batch: 2 };
    const library = findRuntimeLibrary().path;
    const provider = { library, provider: 'cpu', providerOptions: {}, plugins: [] };
    engine = await InferenceEngine.open(manifest, { ...provider, ...layout }, arena);
    pictures = await Promise.all(
      FILES.map((name) => {
        const file = shared('images/coco_val80/images', name);
        return decodePicture({ file, truth: [], complete: undefined });
      }),
    );
  });
  afterAll(() => engine.close());

  it('finds what the reference finds, in both positions', async () => {
    const set = engine.sets[0]!;
    const placements = pictures.map((picture, i) =>
      printPixels(picture, WHOLE_FRAME, engine.format, arena, set.offset + i * set.bytesPerFrame),
    );
    const ours = await engine.run(set, 2, (outputs) =>
      placements.map((placement, i) =>
        readDetections(engine, outputs, i, { placement, rectangle: WHOLE_FRAME }, MIN_SCORE),
      ),
    );
    const session = await ort.InferenceSession.create(manifest.path, { intraOpNumThreads: 1 });
    for (const [i, { widthPx, heightPx }] of pictures.entries()) {
      const bytes = arena.view(set.offset + i * set.bytesPerFrame, set.bytesPerFrame).slice();
      const images = new ort.Tensor('float32', new Float32Array(bytes.buffer), [1, 3, 416, 416]);
      const size = BigInt64Array.from([BigInt(widthPx), BigInt(heightPx)]);
      const sizes = new ort.Tensor('int64', size, [1, 2]);
      const outputs = await session.run({ images, orig_target_sizes: sizes });
      const theirs = expected(outputs, manifest.labels, widthPx, heightPx);
      expect(theirs.length).toBeGreaterThan(1);
      expect(ours[i]!.length).toBe(theirs.length);
      theirs.forEach((other, k) => {
        const mine = ours[i]![k]!;
        expect(mine.label).toBe(other.label);
        expect(mine.score).toBeCloseTo(other.score, 3);
        mine.box.forEach((value, side) => {
          expect(value).toBeCloseTo(other.box[side]!, 3);
        });
      });
    }
  });

  it('refuses outputs that are not those of its family', () => {
    const output = (name: string) => ({ name, dtype: 'float32' as const, shape: [1, 300] });
    expect(detrHead.refuses(manifest, ['labels', 'boxes', 'scores'].map(output))).toBeUndefined();
    expect(detrHead.refuses(manifest, ['boxes', 'scores'].map(output))).toContain('no labels');
  });
});

/** Boxes in the picture's own pixels, strongest first, cut at its edges. */
function expected(
  outputs: ort.InferenceSession.OnnxValueMapType,
  labels: readonly string[],
  widthPx: number,
  heightPx: number,
): Detection[] {
  const scores = outputs.scores!.data as Float32Array;
  const boxes = outputs.boxes!.data as Float32Array;
  const classes = outputs.labels!.data as BigInt64Array;
  const within = (value: number, most: number): number => Math.min(1, Math.max(0, value / most));
  return Array.from(scores, (score, at): Detection => {
    const left = within(boxes[4 * at]!, widthPx);
    const top = within(boxes[4 * at + 1]!, heightPx);
    const w = within(boxes[4 * at + 2]!, widthPx) - left;
    const h = within(boxes[4 * at + 3]!, heightPx) - top;
    return { box: [left, top, w, h], score, label: labels[Number(classes[at])]! };
  })
    .filter(({ score }) => score >= MIN_SCORE)
    .sort((a, b) => b.score - a.score);
}
