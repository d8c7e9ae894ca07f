import { expect, it } from 'vitest';
import type { FrameDetections } from '../../src/contracts/detection.ts';
import { frameLine, parseFrame } from '../../src/pipeline/recording.ts';
import { frameOf } from '../fakes/frames.ts';

it('a recorded frame says what the scheduler left out: stillness before it, and all but a region', () => {
  const result: FrameDetections = {
    frame: frameOf('a', 7, { stillMs: 1800, motion: 0.25 }),
    detections: [{ box: [0.5, 0.25, 0.125, 0.0625], score: 0.75, label: 'car' }],
    region: [0.5, 0.25, 0.25, 0.5],
    inferredMs: 280,
  };
  expect(parseFrame(frameLine(result), 'test', 2)).toEqual(result);
  const { region, ...whole } = { ...result, frame: frameOf('a', 7) };
  expect(region).toBeDefined();
  expect(parseFrame(frameLine(whole), 'test', 2)).toEqual(whole);
});

it('a recorded frame keeps where the background changed, and that nothing did', () => {
  const box = [0.5, 0.25, 0.125, 0.0625] as const;
  const changes = [
    { box, ageMs: 12_000, kind: 'went' as const },
    { box, ageMs: 90_500 },
  ];
  for (const backgroundChanges of [changes, []]) {
    const frame = frameOf('a', 7, { backgroundChanges });
    const result: FrameDetections = { frame, detections: [], inferredMs: 280 };
    expect(parseFrame(frameLine(result), 'test', 2)).toEqual(result);
  }
});
