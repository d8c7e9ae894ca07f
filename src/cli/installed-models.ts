// Where models lie, and which one a configuration means.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { listModelManifests, loadModelManifest } from '../config/model-manifest.ts';
import type { AppearanceConfig, ModelConfig } from '../config/schema/config.ts';
import type { ModelManifest } from '../contracts/model.ts';
import { AgentError } from '../core/errors.ts';
import { PACKAGE_ROOT } from './version.ts';

const MODEL_FOLDER = join(PACKAGE_ROOT, 'models');
export const REGISTRY: string = join(MODEL_FOLDER, 'registry.yaml');
export const FIGURES: string = join(MODEL_FOLDER, 'figures.json');
const LABEL_FOLDER = join(MODEL_FOLDER, 'labels');
/** Taken when a configuration names none. */
export const EMBEDDED = 'vedette-s-int8';

/** The models that came with Vedette and those in `extraFolder`, if it exists. */
export function installedModels(extraFolder?: string): ModelManifest[] {
  const folders = [MODEL_FOLDER, ...(extraFolder && existsSync(extraFolder) ? [extraFolder] : [])];
  return folders.flatMap((folder) => listModelManifests(folder, { labelFolder: LABEL_FOLDER }));
}

/** The manifest that section `model` means, with the thresholds that it overrides. */
export function resolveModel(config: ModelConfig, extraFolder?: string): ModelManifest {
  const manifest = findModel(config, extraFolder);
  return {
    ...manifest,
    minScore: config.min_score ?? manifest.minScore,
    nmsIou: config.nms_iou ?? manifest.nmsIou,
  };
}

/** The manifest that section `appearance` means; it describes at most `most` objects of a frame. */
export function resolveAppearance(config: AppearanceConfig, extraFolder?: string): ModelManifest {
  const manifest = findModel(config, extraFolder);
  if (manifest.head === 'embedding') return manifest;
  const cause = `its head is ${manifest.head}; a model that describes objects has head embedding`;
  throw new AgentError('MODEL_UNSUPPORTED', { path: manifest.path, cause });
}

function findModel(
  config: Pick<ModelConfig, 'name' | 'path' | 'manifest'>,
  extraFolder: string | undefined,
): ModelManifest {
  if (config.path !== undefined) {
    const manifestPath = config.manifest ?? config.path.replace(/\.onnx$/, '.yaml');
    if (!existsSync(manifestPath)) {
      const cause = `it has no manifest; write ${manifestPath} (models/README.md shows how)`;
      throw new AgentError('MODEL_UNREADABLE', { path: config.path, cause });
    }
    const options = { modelFolder: dirname(config.path), labelFolder: LABEL_FOLDER };
    return { ...loadModelManifest(manifestPath, options), path: config.path };
  }
  const name = config.name ?? EMBEDDED;
  const installed = installedModels(extraFolder);
  const found = installed.find((manifest) => manifest.name === name);
  if (found !== undefined) return found;
  const names = installed.map((manifest) => manifest.name).join(', ') || 'none';
  throw new AgentError('MODEL_UNREADABLE', { path: name, cause: `installed are: ${names}` });
}
