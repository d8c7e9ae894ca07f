// The manifest beside a model: its scores for the tracker, and who wins.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModelManifest } from '../../src/config/model-manifest.ts';
import { validate } from '../../src/config/validate.ts';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { headLine, parseHead } from '../../src/pipeline/recording.ts';
import { DEFAULT_TRACKING, trackingFor } from '../../src/track/tracking-config.ts';

const MANIFEST = `
name: mine
licence: MIT
file: mine.onnx
sha256: ${'a'.repeat(64)}
head: vedette
input: { name: images, width: 64, height: 64, order: rgb, dtype: uint8 }
labels: [person]
`;

describe('scores of the tracker', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vedette-manifest-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const manifest = (tracking: string): ModelManifest => {
    const path = join(folder, 'mine.yaml');
    writeFileSync(path, `${MANIFEST}${tracking}`);
    return loadModelManifest(path, { labelFolder: folder });
  };
  const tracking = (section: string) =>
    validate(`cameras: { a: /x }\n${section}`, { name: 'test', environment: {} }).config!.tracking;

  it('are those of the configuration, then those of the model, then the defaults', () => {
    const { tracking: scores } = manifest('tracking: { low_score: 0.3, new_score: 0.7 }');
    const settings = tracking('tracking: { new_score: 0.4, lost_s: 2 }');
    expect(trackingFor(scores, settings)).toMatchObject({
      ...{ low_score: 0.3, new_score: 0.4, lost_s: 2 },
      high_score: DEFAULT_TRACKING.high_score,
    });
  });

  it('travel with a recording, so that a replay tracks as the daemon did', () => {
    const model = manifest('tracking: { low_score: 0.3 }');
    expect(parseHead(headLine('desk', model), 'x').model.tracking).toEqual({ low_score: 0.3 });
    expect(parseHead(headLine('desk', manifest('')), 'x').model.tracking).toBeUndefined();
  });

  it('are refused by their place when they are none', () => {
    expect(() => manifest('tracking: { high_score: 3 }')).toThrow('tracking.high_score');
    expect(() => manifest('tracking: { speed: 0.3 }')).toThrow('tracking.speed');
  });
});
