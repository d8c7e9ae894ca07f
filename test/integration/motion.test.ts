// Motion on real footage: measured in the camera process by either decoder, shown by the daemon on MQTT.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Box } from '../../src/contracts/geometry.ts';
import type { CameraOrder, MotionOrder } from '../../src/contracts/ticket.ts';
import { type Heard, Mosquitto, until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';
import { orderOf, type Said, TestCamera } from './camera-harness.ts';
import { Daemon } from './daemon-harness.ts';

const USUAL: MotionOrder = { threshold: 8, fadeSeconds: 20, masks: [] };
const STREET = '/usr/share/doc/opencv-doc/examples/data/vtest.avi';

/** By their number, which counts from 1; as many as asked for, none left out. */
async function framesOf(
  source: string,
  count: number,
  order: Partial<CameraOrder>,
): Promise<Map<number, Said<'frame'>>> {
  const frames = new Map<number, Said<'frame'>>();
  const camera = await TestCamera.open(orderOf(source, { motion: USUAL, ...order }));
  while (frames.size < count) {
    const frame = await camera.next('frame');
    if (frame === undefined) break;
    frames.set(frame.sequence, frame);
    camera.pass(frame.sequence);
  }
  await camera.close();
  return frames;
}

describe.skipIf(needsShared('motion of a person in a hall'))('in the camera process', () => {
  // The first person is in the picture from frame 67 to frame 197.
  const hall = () => shared('media', 'one-by-one_A_f1-720.mp4');
  const between = (frames: Map<number, Said<'frame'>>, first: number, last: number) =>
    [...frames.values()].filter(({ sequence }) => sequence >= first && sequence <= last);

  for (const decoder of ['gstreamer', 'ffmpeg'] as const) {
    it(`${decoder}: nothing while nobody is there, a box while somebody is`, async () => {
      const frames = await framesOf(hall(), 190, { decoder });
      for (const { motion, motionBoxes } of between(frames, 1, 10)) {
        expect([motion, motionBoxes]).toEqual([1, undefined]);
      }
      for (const { motion, motionBoxes } of between(frames, 16, 55)) {
        expect([motion, motionBoxes]).toEqual([0, []]);
      }
      for (const { motion, motionBoxes } of between(frames, 70, 190)) {
        expect(motion).toBeGreaterThan(0.02);
        expect(motionBoxes?.length).toBeGreaterThan(0);
      }
    });
  }

  it('sees nothing through a mask, and does not measure when nobody asks', async () => {
    const masks = [[[0, 0] as const, [1, 0] as const, [1, 1] as const, [0, 1] as const]];
    const blind = await framesOf(hall(), 120, { motion: { ...USUAL, masks } });
    for (const { motion, motionBoxes } of between(blind, 16, 120)) {
      expect([motion, motionBoxes]).toEqual([0, []]);
    }
    const { motion: _, ...unasked } = orderOf(hall());
    const camera = await TestCamera.open(unasked);
    const frame = await camera.next('frame');
    expect([frame?.motion, frame?.motionBoxes]).toEqual([1, undefined]);
    await camera.close();
  });
});

describe.skipIf(!existsSync(STREET))('people of a street', () => {
  interface Truth {
    readonly frames: readonly { frame: number; persons: [number, number, number, number][] }[];
  }
  const truth: Truth = JSON.parse(
    readFileSync(resolve(import.meta.dirname, '../fixtures/vtest-truth.json'), 'utf8'),
  );

  it('lie inside the boxes of motion', async () => {
    const frames = await framesOf(STREET, 760, { decoder: 'ffmpeg' });
    // In the first marked frame the background is still being learnt.
    const shares = truth.frames.slice(1).flatMap(({ frame, persons }) => {
      const boxes = frames.get(frame + 1)?.motionBoxes ?? [];
      return persons.map((person) => covered(person, boxes));
    });
    expect(shares.length).toBeGreaterThan(100);
    const found = shares.filter((share) => share >= 0.9).length / shares.length;
    console.info(`of ${shares.length} persons ${100 * found} % lie inside one box to 90 %`);
    expect(found).toBeGreaterThan(0.95);
  });
});

/** The largest share of a person, in pixels of the 768x576 picture, that lies inside one box. */
function covered([x, y, w, h]: [number, number, number, number], boxes: readonly Box[]): number {
  const [left, top] = [Math.max(0, x) / 768, Math.max(0, y) / 576];
  const [right, bottom] = [Math.min(768, x + w) / 768, Math.min(576, y + h) / 576];
  const shares = boxes.map((box) => {
    const across = Math.min(right, box[0] + box[2]) - Math.max(left, box[0]);
    const down = Math.min(bottom, box[1] + box[3]) - Math.max(top, box[1]);
    return (Math.max(0, across) * Math.max(0, down)) / ((right - left) * (bottom - top));
  });
  return Math.max(0, ...shares);
}

describe.skipIf(needsShared('the topic of motion'))('on MQTT', () => {
  let broker: Mosquitto;
  let heard: Heard[];
  let daemon: Daemon;

  beforeAll(async () => {
    broker = await Mosquitto.start();
    heard = await broker.listen('vedette/#');
    const url = shared('media', 'one-by-one_A_f1-720.mp4');
    daemon = Daemon.prepare({
      cameras: { hall: { url }, unwatched: { url, motion: { enabled: false } } },
      mqtt: { url: broker.url },
    });
    daemon.start();
  });

  afterAll(async () => {
    await daemon?.dispose();
    await broker?.stop();
  });

  it('is OFF in the empty hall, ON when a person comes, and silent where nobody measures', async () => {
    const told = () =>
      heard.filter(({ topic }) => topic === 'vedette/box/cam/hall/motion').map((m) => m.payload);
    await until('motion is ON', () => told().includes('ON'), 60_000);
    expect(told().slice(0, 2)).toEqual(['OFF', 'ON']);
    expect(heard.filter(({ topic }) => topic === 'vedette/box/cam/unwatched/motion')).toEqual([]);
  });
});
