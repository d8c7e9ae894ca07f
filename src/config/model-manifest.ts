// Reads the manifest beside a model: what it expects, what its answers mean, and the hash of the only bytes that count.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';
import type { ModelManifest } from '../contracts/model.ts';
import { AgentError, causeText } from '../core/errors.ts';

const triple = v.tuple([v.number(), v.number(), v.number()]);
const side = v.pipe(v.number(), v.integer(), v.minValue(32), v.maxValue(4096));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

const manifestSchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]*$/, 'lower-case letters, digits, . _ -')),
  version: v.optional(v.string(), '1'),
  licence: v.string(),
  file: v.pipe(
    v.string(),
    v.check((name) => basename(name) === name, 'a file name in the folder of the manifest'),
  ),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits')),
  head: v.picklist(['vedette', 'yolox', 'detr', 'embedding']),
  input: v.strictObject({
    name: v.string(),
    width: side,
    height: side,
    layout: v.optional(v.picklist(['planar', 'interleaved']), 'planar'),
    order: v.picklist(['rgb', 'bgr']),
    dtype: v.picklist(['uint8', 'float32']),
    fit: v.optional(v.picklist(['corner', 'centre', 'stretch']), 'corner'),
    pad: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(255)), 114),
    mean: v.optional(triple, [0, 0, 0]),
    scale: v.optional(triple, [1, 1, 1]),
  }),
  labels: v.union([v.literal('coco80'), v.pipe(v.array(v.string()), v.minLength(1))]),
  min_score: v.optional(share, 0.1),
  nms_iou: v.optional(share, 0.5),
  tracking: v.exactOptional(
    v.strictObject({
      high_score: v.exactOptional(share),
      low_score: v.exactOptional(share),
      new_score: v.exactOptional(share),
    }),
  ),
  batch_sizes: v.exactOptional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64))),
      v.minLength(1, 'at least one size'),
    ),
  ),
  max_batch: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64)), 1),
});

/** Where the weights lie when they are not beside the manifest. */
export interface ManifestOptions {
  readonly modelFolder?: string;
  /** Folder of the label lists that manifests name; the package's `models/labels`. */
  readonly labelFolder: string;
}

/** Reads and checks one manifest; the model file itself is not opened. */
export function loadModelManifest(path: string, options: ManifestOptions): ModelManifest {
  const result = v.safeParse(manifestSchema, readYaml(path));
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`);
    throw new AgentError('MODEL_UNREADABLE', { path, cause: problems.join('; ') });
  }
  const { file, input, labels, min_score, nms_iou, max_batch, batch_sizes, ...rest } =
    result.output;
  const { width, height, ...layout } = input;
  return {
    ...rest,
    path: join(options.modelFolder ?? dirname(resolve(path)), file),
    input: { ...layout, widthPx: width, heightPx: height },
    labels: labels === 'coco80' ? readLabels(join(options.labelFolder, 'coco80.txt')) : labels,
    minScore: min_score,
    nmsIou: nms_iou,
    ...(batch_sizes === undefined
      ? { maxBatch: max_batch }
      : {
          maxBatch: Math.max(...batch_sizes),
          batchSizes: batch_sizes.toSorted((a, b) => a - b),
        }),
  };
}

/** The manifests in `folder` by name; files that are none are left out, broken ones throw. */
export function listModelManifests(folder: string, options: ManifestOptions): ModelManifest[] {
  return readdirSync(folder)
    .filter((name) => extname(name) === '.yaml' && name !== 'registry.yaml')
    .sort()
    .map((name) => loadModelManifest(join(folder, name), options));
}

function readYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'), { maxAliasCount: 10 });
  } catch (error) {
    throw new AgentError('MODEL_UNREADABLE', { path, cause: causeText(error) });
  }
}

function readLabels(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
