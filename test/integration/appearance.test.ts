// People on real footage, described by a re-identification model: the vectors know who is who from one frame to the next.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../../src/agent.ts';
import { resolveAppearance, resolveModel } from '../../src/cli/installed-models.ts';
import { requireValid } from '../../src/config/load.ts';
import { validate } from '../../src/config/validate.ts';
import type { Detection, FrameDetections } from '../../src/contracts/detection.ts';
import { iou } from '../../src/contracts/geometry.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { SinkHub } from '../../src/sinks/hub.ts';
import { until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';

const STREET = '/usr/share/doc/opencv-doc/examples/data/vtest.avi';
const MANIFEST = join(import.meta.dirname, '../fixtures/models/osnet-x0-25.yaml');
const FRAMES = 60;

const isAbsent = needsShared('re-identification') || !existsSync(STREET);

describe.skipIf(isAbsent)('people on a street', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-appearance-'));
  const frames: FrameDetections[] = [];
  let asked = 0;

  beforeAll(async () => {
    const appearance = {
      path: shared('models/osnet_x0_25_dynbatch.onnx'),
      manifest: MANIFEST,
      most: 16,
    };
    const cameras = { street: { url: STREET, fps: 5, idle_fps: 5, decoder: 'ffmpeg' } };
    const text = JSON.stringify({ cameras, appearance, storage: { path: folder } });
    const { config } = requireValid(validate(text, { name: 'test', environment: {} }), 'test');
    const log = createLog('silent');
    const agent = new Agent({
      config,
      manifest: resolveModel({}),
      appearance: { manifest: resolveAppearance(appearance), most: appearance.most },
      sinks: new SinkHub([], log),
      runtimeLibrary: process.env.VEDETTE_ORT,
      cameraEnvironment: process.env,
      clock: systemClock,
      log,
      onDetections: (result) => {
        frames.push(result);
        asked = recognised(frames).asked;
      },
    });
    await agent.start();
    const isEnough = () => described(frames).length >= FRAMES && asked > 100;
    await until('so many frames are described', isEnough, 100_000);
    await agent.stop();
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are described when they are sure, and nobody else is', () => {
    // A busy machine lets some pictures go before they are described: then nobody in them is.
    const all = described(frames).flatMap(({ detections }) => detections);
    const sure = all.filter(({ label, score }) => label === 'person' && score >= 0.65);
    const known = all.filter(({ embedding }) => embedding !== undefined);
    expect(known.length).toBeGreaterThan(sure.length * 0.95);
    expect(known.every(({ label }) => label === 'person')).toBe(true);
    for (const { embedding } of known) {
      expect(embedding).toHaveLength(512);
      expect(Math.hypot(...embedding!)).toBeCloseTo(1, 4);
    }
  });

  it('look more like themselves in the next frame than like anybody else in it', () => {
    expect(recognised(frames).known / asked).toBeGreaterThan(0.9);
  });
});

function described(frames: readonly FrameDetections[]): FrameDetections[] {
  return frames.filter(({ detections }) => detections.some((one) => one.embedding !== undefined));
}

/** Of those who can be told by place alone and have company: how many the vectors tell as well. */
function recognised(frames: readonly FrameDetections[]): { known: number; asked: number } {
  let known = 0;
  let asked = 0;
  frames.slice(1).forEach(({ detections }, i) => {
    const after = detections.filter(({ embedding }) => embedding !== undefined);
    for (const person of frames[i]!.detections) {
      if (person.embedding === undefined || after.length < 3) continue;
      const [same, ...more] = after.filter(({ box }) => iou(box, person.box) > 0.5);
      if (same === undefined || more.length > 0) continue;
      asked += 1;
      const others = after.filter((other) => other !== same);
      if (others.every((other) => likeness(person, other) < likeness(person, same))) known += 1;
    }
  });
  return { known, asked };
}

function likeness(a: Detection, b: Detection): number {
  return a.embedding!.reduce((sum, value, i) => sum + value * b.embedding![i]!, 0);
}
