// A box is put on a real street and taken again, a coat that lay there vanishes: from the encoded clip to the events.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyseScene, newScene, type SceneState, viewOf } from '../../src/analytics/scene.ts';
import type { Frame } from '../../src/contracts/frame.ts';
import { type Box, iou } from '../../src/contracts/geometry.ts';
import { frameLine, parseFrame } from '../../src/pipeline/recording.ts';
import { planOf, zoneOf } from '../analytics/scene-fixture.ts';
import { orderOf, type Said, TestCamera } from './camera-harness.ts';

const PICTURES = '/usr/share/doc/opencv-doc/examples/data';
const FPS = 5;
const SECONDS = 75;
/** Fractions of 768x576. */
const BOX: Box = [520 / 768, 300 / 576, 64 / 768, 44 / 576];
const COAT: Box = [68 / 768, 497 / 576, 92 / 768, 31 / 576];

/** Noise of a sensor, a day that brightens and darkens, and what an encoder makes of both. */
function film(file: string): void {
  const graph = [
    `[0:v]trim=end_frame=1,setpts=0,loop=${SECONDS * FPS - 1}:1:0,setpts=N/${FPS}/TB,fps=${FPS},split[scene][other]`,
    '[1:v]scale=64:44[box]',
    '[other]crop=104:48:180:500[grass]',
    "[scene][box]overlay=520:300:enable='between(t,10,59.9)'[one]",
    "[one][grass]overlay=62:488:enable='gte(t,30)'[two]",
    "[two]noise=alls=8:allf=t,eq=brightness='0.02*sin(t/6)':eval=frame,format=yuv420p[out]",
  ];
  const input = ['-i', join(PICTURES, 'vtest.avi'), '-loop', '1', '-i', join(PICTURES, 'box.png')];
  const coded = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '27', '-g', '50'];
  const args = ['-v', 'error', ...input, '-filter_complex', graph.join(';'), '-map', '[out]'];
  const end = ['-frames:v', String(SECONDS * FPS), file];
  const { status, stderr } = spawnSync('ffmpeg', [...args, ...coded, ...end], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
}

describe.skipIf(!existsSync(join(PICTURES, 'box.png')))('on a street', () => {
  let folder = '';
  let clip = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vedette-changes-'));
    clip = join(folder, 'street.mp4');
    film(clip);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function frames(decoder: 'gstreamer' | 'ffmpeg'): Promise<Said<'frame'>[]> {
    const motion = { threshold: 8, fadeSeconds: 20, masks: [] };
    const camera = await TestCamera.open(orderOf(clip, { decoder, motion }));
    const told: Said<'frame'>[] = [];
    for (;;) {
      const frame = await camera.next('frame');
      if (frame === undefined) break;
      told.push(frame);
      camera.pass(frame.sequence);
    }
    await camera.close();
    return told;
  }

  for (const decoder of ['gstreamer', 'ffmpeg'] as const) {
    it(`${decoder}: what came and what is gone has boxes while it lasts, and events`, async () => {
      const told = await frames(decoder);
      expect(told.length).toBe(SECONDS * FPS);
      const at = (from: number, to: number) =>
        told.filter(({ sequence }) => sequence > from * FPS && sequence <= to * FPS);
      for (const { backgroundChanges } of at(0, 1)) expect(backgroundChanges).toBeUndefined();
      for (const { backgroundChanges } of at(3, 19)) expect(backgroundChanges).toEqual([]);
      for (const { backgroundChanges = [] } of at(23, 48)) {
        expect(backgroundChanges.map(({ kind }) => kind)).toEqual(['came']);
        expect(iou(backgroundChanges[0]!.box, BOX)).toBeGreaterThan(0.6);
      }
      for (const { backgroundChanges = [] } of at(53, 59)) {
        expect(backgroundChanges.map(({ kind }) => kind).sort()).toEqual(['came', 'went']);
      }
      for (const { backgroundChanges = [], ptsNs } of at(70, SECONDS)) {
        expect(backgroundChanges.map(({ kind }) => kind)).toEqual(['went']);
        expect(iou(backgroundChanges[0]!.box, COAT)).toBeGreaterThan(0.4);
        const ageS = backgroundChanges[0]!.ageMs / 1000;
        expect(Math.abs(ageS - (ptsNs / 1e9 - 30))).toBeLessThan(2.5);
      }
      expect(eventsOf(told)).toEqual(['object_left', 'object_removed']);
    });
  }
});

/** Of a zone that is the whole picture, from the frames as a recording keeps them. */
function eventsOf(told: readonly Said<'frame'>[]): string[] {
  const whole = zoneOf(
    [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ] as const,
    { left_s: 10 },
  );
  const plan = planOf({ zones: { whole } });
  let state: SceneState = newScene();
  return told.flatMap(({ kind: _, skipped: __, ...notice }) => {
    const frame: Frame = { ...notice, camera: 'a', session: 's', arrivedMs: notice.ptsNs / 1e6 };
    const line = frameLine({ frame, detections: [], inferredMs: 0 });
    const kept = parseFrame(line, 'street', 1);
    const view = viewOf({ frame: kept.frame, tracks: [], ended: [] }, kept.frame.arrivedMs);
    const step = analyseScene(plan, state, view);
    state = step.state;
    return step.events.map(({ type }) => type);
  });
}
