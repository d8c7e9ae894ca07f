// Models that benches run: installed ones, files with a manifest, and registered ones whose bytes lie in the test material.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REGISTRY, resolveModel } from '../src/cli/installed-models.ts';
import { loadModelManifest } from '../src/config/model-manifest.ts';
import {
  loadModelRegistry,
  manifestText,
  type RegistryEntry,
} from '../src/config/model-registry.ts';
import type { ModelManifest } from '../src/contracts/model.ts';

/** Apache-2.0, 0.91 million parameters: what small detectors are compared with. */
export const YARDSTICK = 'yolox-nano-416';

const ROOT = join(import.meta.dirname, '..');
const WEIGHTS = join(ROOT, '../shared/models');
const LABELS = join(ROOT, 'models/labels');

/** `name`: as `model:` of a configuration, or `yolox-nano` for the test material's with a free batch; undefined: the embedded model. */
export function benchModel(name: string | undefined): ModelManifest {
  if (name === undefined) return resolveModel({});
  if (name.endsWith('.onnx')) return resolveModel({ path: name });
  if (name === 'yolox-nano' && existsSync(WEIGHTS)) {
    const manifest = join(ROOT, 'test/fixtures/models/yolox-nano.yaml');
    return loadModelManifest(manifest, { modelFolder: WEIGHTS, labelFolder: LABELS });
  }
  const entry = loadModelRegistry(REGISTRY).find((candidate) => candidate.name === name);
  return (entry && fromTestMaterial(entry)) ?? resolveModel({ name });
}

/** Names of registered models that `benchModel` finds in the test material. */
export function registeredModels(): string[] {
  return loadModelRegistry(REGISTRY)
    .filter((entry) => fileOf(entry) !== undefined)
    .map(({ name }) => name);
}

function fromTestMaterial(entry: RegistryEntry): ModelManifest | undefined {
  const file = fileOf(entry);
  if (file === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-model-'));
  try {
    const manifest = join(folder, 'manifest.yaml');
    writeFileSync(manifest, manifestText(entry, file));
    return loadModelManifest(manifest, { modelFolder: WEIGHTS, labelFolder: LABELS });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function fileOf({ sha256 }: RegistryEntry): string | undefined {
  if (!existsSync(WEIGHTS)) return undefined;
  return readdirSync(WEIGHTS).find((file) => {
    const bytes = readFileSync(join(WEIGHTS, file));
    return createHash('sha256').update(bytes).digest('hex') === sha256;
  });
}
