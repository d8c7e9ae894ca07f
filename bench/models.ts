// Models that benches run: installed ones, files with a manifest, and YOLOX-nano of the test material as the yardstick.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { resolveModel } from '../src/cli/installed-models.ts';
import { loadModelManifest } from '../src/config/model-manifest.ts';
import type { ModelManifest } from '../src/contracts/model.ts';

/** Apache-2.0, 0.91 million parameters: what small detectors are compared with. */
export const YARDSTICK = 'yolox-nano';

const ROOT = join(import.meta.dirname, '..');

/** `name`: as `model:` of a configuration; undefined: the embedded model. */
export function benchModel(name: string | undefined): ModelManifest {
  const weights = join(ROOT, '../shared/models');
  if (name === YARDSTICK && existsSync(weights)) {
    const labelFolder = join(ROOT, 'models/labels');
    const manifest = join(ROOT, 'test/fixtures/models/yolox-nano.yaml');
    return loadModelManifest(manifest, { modelFolder: weights, labelFolder });
  }
  if (name === undefined) return resolveModel({});
  return resolveModel(name.endsWith('.onnx') ? { path: name } : { name });
}
