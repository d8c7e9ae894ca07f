// Regions, live: people who are small in a large still picture, seen by a camera with regions, by one without, and from near.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent } from '../../src/agent.ts';
import { cameraEnvironment } from '../../src/cli/camera-environment.ts';
import { resolveModel } from '../../src/cli/installed-models.ts';
import { requireValid } from '../../src/config/load.ts';
import { validate } from '../../src/config/validate.ts';
import type { Detection, FrameDetections } from '../../src/contracts/detection.ts';
import { type Box, iou } from '../../src/contracts/geometry.ts';
import type { SinkRecord } from '../../src/contracts/sink.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';

/** Where the people are in the large picture, at a quarter of their own resolution: ten pixels high for the model. */
const INSET: Box = [1280 / 1920, 560 / 1080, 192 / 1920, 108 / 1080];
const SECONDS = 20;
/** A find that people would be told of. */
const LEAST_SCORE = 0.4;

describe.skipIf(needsShared('regions, live'))('regions', () => {
  let folder: string;
  let agent: Agent;
  const results = new Map<string, FrameDetections[]>();
  const records: SinkRecord[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vedette-regions-'));
    const near = join(folder, 'near.mp4');
    const far = join(folder, 'far.mp4');
    const people = ['-t', String(SECONDS), '-i', shared('media', 'one-by-one_A_f1-720.mp4')];
    encode(people, near);
    const street = shared('images', 'vehicle8', 'images', 'image_000200.jpg');
    const [x, y] = [INSET[0] * 1920, INSET[1] * 1080];
    const joined = `[0]scale=1920:1080,setsar=1[b];[1]scale=192:108,setsar=1[c];[b][c]overlay=${x}:${y}:shortest=1,format=yuv420p`;
    encode(
      ['-loop', '1', '-framerate', '10', '-i', street, ...people, '-filter_complex', joined],
      far,
    );
    const camera = { fps: 10, idle_fps: 1, loop: false, labels: ['person'] };
    const text = JSON.stringify({
      cameras: {
        region: { ...camera, url: far, regions: true },
        whole: { ...camera, url: far },
        near: { ...camera, url: near, idle_fps: 10 },
      },
      runtime: { provider: 'cpu', sessions: 2, threads: 1 },
      storage: { path: folder, stills: { enabled: false } },
    });
    agent = new Agent({
      config: requireValid(validate(text, { name: 'regions', environment: {} }), 'regions').config,
      manifest: resolveModel({}),
      sinks: {
        name: 'kept',
        start: async () => {},
        stop: async () => {},
        write: (more) => void records.push(...more),
        health: () => ({}),
      },
      cameraEnvironment: cameraEnvironment(process.env),
      ...{ clock: systemClock, log: createLog('error') },
      onDetections: (result) => {
        const { camera: name } = result.frame;
        results.set(name, [...(results.get(name) ?? []), result]);
      },
    });
    await agent.start();
    await until('the clips are over', () => agent.areAllEnded(), 100_000);
    await agent.stop();
  }, 200_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const of = (camera: string): FrameDetections[] => results.get(camera) ?? [];
  const people = ({ detections }: FrameDetections): readonly Detection[] =>
    detections.filter(({ score, box }) => score >= LEAST_SCORE && isInInset(box));
  const finds = (camera: string): number =>
    of(camera).reduce((count, result) => count + people(result).length, 0);
  const nearFinds = (): number =>
    of('near').flatMap(({ detections }) => detections.filter(({ score }) => score >= LEAST_SCORE))
      .length;

  it('infers parts of the picture while something moves, and the whole at least once a second', () => {
    const parts = of('region').filter(({ region }) => region !== undefined);
    expect(parts.length).toBeGreaterThan(of('region').length / 3);
    expect(of('whole').every(({ region }) => region === undefined)).toBe(true);
    const wholes = of('region').filter(({ region }) => region === undefined);
    const gaps = wholes.slice(1).map(({ frame }, i) => frame.ptsNs - wholes[i]!.frame.ptsNs);
    // A second, and the spacing of the stream.
    expect(Math.max(...gaps) / 1e9).toBeLessThan(1.25);
  });

  it('finds more of the people than the whole picture does, with as many inferences', () => {
    const [part, whole, near] = [finds('region'), finds('whole'), nearFinds()];
    const frames = ['region', 'whole', 'near'].map((camera) => of(camera).length).join(', ');
    console.log(
      `people in a region ${part}, in the whole ${whole}, from near ${near}; frames ${frames}`,
    );
    expect(near).toBeGreaterThan(50);
    expect(part).toBeGreaterThan(1.5 * whole);
  });

  it('tells boxes of the frame: where somebody is, the near camera sees somebody too', () => {
    const near = new Map(of('near').map((result) => [time(result), result]));
    let compared = 0;
    let agreed = 0;
    for (const result of of('region')) {
      const same = near.get(time(result));
      if (result.region === undefined || same === undefined) continue;
      for (const { box } of people(result)) {
        compared += 1;
        agreed += Number(same.detections.some((one) => iou(inFar(one.box), box) > 0.5));
      }
    }
    expect(compared).toBeGreaterThan(20);
    // Boxes told in the wrong coordinates would hardly agree at all; 0.86 to 0.95 was seen, depending on the weights.
    expect(agreed / compared).toBeGreaterThan(0.75);
  });

  it('loses no frame from its counts', () => {
    for (const [camera, counts] of agent.metrics.cameras) {
      const skipped = Object.values(counts.skippedFrames).reduce((sum, one) => sum + one, 0);
      const { decodedFrames, inferredFrames, refusedPrints } = counts;
      expect(inferredFrames + skipped + refusedPrints, camera).toBe(decodedFrames);
      expect(inferredFrames, camera).toBe(of(camera).length);
    }
  });

  it('follows an object through parts and wholes as one', () => {
    const events = records.flatMap((one) => (one.kind === 'event' ? [one.event] : []));
    const started = (camera: string): number =>
      events.filter((one) => one.camera === camera && one.event_type === 'object_new').length;
    console.log(
      `objects: region ${started('region')}, whole ${started('whole')}, near ${started('near')}`,
    );
    expect(started('region')).toBeGreaterThan(0);
    expect(started('region')).toBeLessThanOrEqual(2 * started('near'));
  });
});

function encode(input: readonly string[], file: string): void {
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20', '-bf', '0', '-g', '10'];
  const all = ['-v', 'error', '-y', ...input, '-t', String(SECONDS), '-r', '10', ...coding, file];
  const { status, stderr } = spawnSync('ffmpeg', all, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
}

function isInInset([x, y, w, h]: Box): boolean {
  const [cx, cy] = [x + w / 2, y + h / 2];
  const [left, top, width, height] = INSET;
  return cx > left && cx < left + width && cy > top && cy < top + height;
}

/** From the near picture to the large one. */
function inFar([x, y, w, h]: Box): Box {
  const [left, top, width, height] = INSET;
  return [left + x * width, top + y * height, w * width, h * height];
}

/** Both clips begin at the same picture; in steps of 50 ms. */
function time({ frame }: FrameDetections): number {
  return Math.round(frame.ptsNs / 50e6);
}
