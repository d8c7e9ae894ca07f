// What must be known about a model file to feed it and to read its answers: the manifest beside it.
import type { PrintFormat } from './ticket.ts';

/** `embedding` describes the look of a crop; the others find objects. */
export type HeadName = 'vedette' | 'yolox' | 'detr' | 'embedding';

/** The image tensor: its name in the graph, and the pixels it wants. */
export interface ModelInput extends PrintFormat {
  readonly name: string;
}

/** Scores of section `tracking` that suit this model's own; how sure a model is of itself differs from model to model. */
export interface TrackingScores {
  readonly high_score?: number;
  readonly low_score?: number;
  readonly new_score?: number;
}

export interface ModelManifest {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Absolute path of the ONNX file. */
  readonly path: string;
  /** Lower-case hex of the file's bytes; checked before they reach the runtime. */
  readonly sha256: string;
  readonly head: HeadName;
  readonly input: ModelInput;
  /** What it finds; of an embedding, what it describes. */
  readonly labels: readonly string[];
  /** Detections below this score are not delivered; 0..1. */
  readonly minScore: number;
  /** Overlap above which the weaker of two boxes of one class is dropped; 0..1. */
  readonly nmsIou: number;
  /** Largest batch the graph takes; 1 when its first dimension is fixed. */
  readonly maxBatch: number;
  /** The only batches that it takes, ascending; absent: all up to `maxBatch`. */
  readonly batchSizes?: readonly number[];
  /** Taken where the configuration says nothing; absent: the tracker's defaults. */
  readonly tracking?: TrackingScores;
}
