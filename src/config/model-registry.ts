// models/registry.yaml: freely licensed models that do not come with Vedette, where they are and what their bytes must be.
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { AgentError, causeText } from '../core/errors.ts';

const entrySchema = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]*$/)),
  /** The machines it is for. */
  suits: v.string(),
  licence: v.string(),
  /** Project that trained it. */
  source: v.string(),
  url: v.pipe(v.string(), v.startsWith('https://')),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** What the manifest beside the file will say besides name, licence, file and hash. */
  manifest: v.record(v.string(), v.unknown()),
});

const registrySchema = v.strictObject({ models: v.array(entrySchema) });

export type RegistryEntry = v.InferOutput<typeof entrySchema>;

export function loadModelRegistry(path: string): readonly RegistryEntry[] {
  try {
    return v.parse(registrySchema, parse(readFileSync(path, 'utf8'))).models;
  } catch (error) {
    throw new AgentError('MODEL_UNREADABLE', { path, cause: causeText(error) });
  }
}

/** The manifest file of a pulled model. */
export function manifestText(entry: RegistryEntry, file: string): string {
  const { name, licence, sha256, manifest } = entry;
  return stringify({ name, licence, file, sha256, ...manifest });
}
