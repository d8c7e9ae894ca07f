// The whole path from file to boxes against an independent one: ffmpeg, a letterbox and head of the test's own, and
// onnxruntime-node's JavaScript API. The same objects, in the same places.
import { afterAll, describe, expect, it } from 'vitest';
import { loadModelManifest } from '../../src/config/model-manifest.ts';
import type { Detection } from '../../src/contracts/detection.ts';
import { WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { toDetections } from '../../src/infer/detections.ts';
import { arenaBytesFor, InferenceEngine } from '../../src/infer/engine.ts';
import { suppress } from '../../src/infer/nms.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import { decodeWithFfmpeg, type ReferenceBox, YoloxReference } from '../oracle/yolox-reference.ts';
import { needsShared, shared } from '../shared.ts';
import { orderOf, TestCamera } from './camera-harness.ts';

const MIN_SCORE = 0.4;
const NMS_IOU = 0.5;
const EVERY = 8;

const CLIPS = [
  { file: 'TestV4.mp4', widthPx: 1280, heightPx: 720, frames: 152 },
  { file: 'person-bicycle-car-detection-7sec.mp4', widthPx: 768, heightPx: 432, frames: 84 },
];

function manifest(): ModelManifest {
  return loadModelManifest('test/fixtures/models/yolox-nano.yaml', {
    modelFolder: shared('models'),
    labelFolder: 'models/labels',
  });
}

describe.skipIf(needsShared('boxes against an independent pipeline'))('boxes', () => {
  const cameras: TestCamera[] = [];
  afterAll(async () => {
    for (const camera of cameras) await camera.close();
  });

  it.each(CLIPS)('agree on $file', async (clip) => {
    const model = manifest();
    const order = orderOf(shared('media', clip.file), {
      arenaBytes: arenaBytesFor(model, 1, 1),
    });
    const camera = await TestCamera.open(order);
    cameras.push(camera);
    const engine = await InferenceEngine.open(
      model,
      {
        library: findRuntimeLibrary().path,
        provider: 'cpu',
        providerOptions: {},
        plugins: [],
        sessions: 1,
        threads: 1,
        batch: 1,
      },
      camera.arena,
    );
    const ours = new Map<number, Detection[]>();
    for (;;) {
      const frame = await camera.next('frame');
      if (frame === undefined) break;
      const isWanted = frame.sequence % EVERY === 1;
      const set = engine.sets[0]!;
      const printed = await camera.print(frame.sequence, {
        format: engine.format,
        offset: set.offset,
      });
      if (printed.kind === 'refused') throw new Error(`frame ${frame.sequence}: ${printed.cause}`);
      if (!isWanted) continue;
      const found = await engine.run(set, 1, (outputs) =>
        suppress(engine.head.decode(outputs, 0, MIN_SCORE, model), NMS_IOU),
      );
      ours.set(frame.sequence, toDetections(found, printed.placement, WHOLE_FRAME, model));
      if (frame.sequence + EVERY > clip.frames) break;
    }
    await engine.close();
    await camera.close();

    const reference = await YoloxReference.open(model.path, 416);
    const tally = { objects: 0, missing: 0, extra: 0, ious: [] as number[] };
    let sequence = 0;
    for await (const rgb of decodeWithFfmpeg(
      shared('media', clip.file),
      clip.widthPx,
      clip.heightPx,
    )) {
      sequence += 1;
      const mine = ours.get(sequence);
      if (mine === undefined) continue;
      const theirs = await reference.detect(rgb, clip.widthPx, clip.heightPx, MIN_SCORE, NMS_IOU);
      compare(mine, theirs, model.labels, tally);
    }
    const meanIou = tally.ious.reduce((sum, iou) => sum + iou, 0) / tally.ious.length;
    console.log(
      `${clip.file}: ${ours.size} frames, ${tally.objects} objects, mean IoU ${meanIou.toFixed(4)}, ` +
        `lowest ${Math.min(...tally.ious).toFixed(3)}, ${tally.missing} missing, ${tally.extra} extra`,
    );
    expect(ours.size).toBeGreaterThanOrEqual(Math.floor(clip.frames / EVERY));
    expect(tally.objects).toBeGreaterThanOrEqual(15);
    expect(meanIou).toBeGreaterThanOrEqual(0.95);
    // A score that lies within rounding of the threshold may fall on either side.
    expect(tally.missing + tally.extra).toBeLessThanOrEqual(tally.objects * 0.03);
  });
});

/** Matches best overlaps first; what one side has alone counts unless its score is at the threshold. */
function compare(
  mine: readonly Detection[],
  theirs: readonly ReferenceBox[],
  labels: readonly string[],
  tally: { objects: number; missing: number; extra: number; ious: number[] },
): void {
  const left = [...mine];
  for (const other of theirs) {
    const best = left
      .filter((detection) => detection.label === labels[other.classIndex])
      .map((detection) => ({ detection, iou: overlap(detection, other) }))
      .sort((a, b) => b.iou - a.iou)[0];
    if (best === undefined || best.iou < 0.5) {
      if (other.score > MIN_SCORE + 0.03) tally.missing += 1;
      continue;
    }
    tally.objects += 1;
    tally.ious.push(best.iou);
    left.splice(left.indexOf(best.detection), 1);
  }
  tally.extra += left.filter((detection) => detection.score > MIN_SCORE + 0.03).length;
}

function overlap({ box: [x, y, w, h] }: Detection, other: ReferenceBox): number {
  const shared = {
    w: Math.max(0, Math.min(x + w, other.x + other.w) - Math.max(x, other.x)),
    h: Math.max(0, Math.min(y + h, other.y + other.h) - Math.max(y, other.y)),
  };
  const inter = shared.w * shared.h;
  return inter / (w * h + other.w * other.h - inter);
}
