// models/figures.json: what `bench:detect --publish` measured of the models that come with Vedette or are registered.
import { existsSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { AgentError, causeText } from '../core/errors.ts';

const figures = v.object({
  name: v.string(),
  /** Mean AP50 over the labels of each set, 0..1. */
  ap50: v.record(v.string(), v.number()),
  /** Persons on the demo clip after tracking, 0..1. */
  tracked: v.object({ recall: v.number(), precision: v.number() }),
  /** Processor time of one inference with one thread. */
  cpu_ms: v.number(),
});

const fileSchema = v.object({
  machine: v.string(),
  /** By the SHA-256 of the model: figures belong to bytes, not to a name. */
  models: v.record(v.string(), figures),
});

export type ModelFigures = v.InferOutput<typeof figures>;
export type FiguresFile = v.InferOutput<typeof fileSchema>;

/** Undefined where the file is absent; throws MODEL_UNREADABLE when it is broken. */
export function loadModelFigures(path: string): FiguresFile | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return v.parse(fileSchema, JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new AgentError('MODEL_UNREADABLE', { path, cause: causeText(error) });
  }
}
