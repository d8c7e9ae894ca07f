// What must be known about a model file to feed it and to read its answers: the manifest beside it.
import type { PrintFormat } from './ticket.ts';

export type HeadName = 'vedette' | 'yolox';

/** The image tensor: its name in the graph, and the pixels it wants. */
export interface ModelInput extends PrintFormat {
  readonly name: string;
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
  readonly labels: readonly string[];
  /** Detections below this score are not delivered; 0..1. */
  readonly minScore: number;
  /** Overlap above which the weaker of two boxes of one class is dropped; 0..1. */
  readonly nmsIou: number;
  /** Largest batch the graph takes; 1 when its first dimension is fixed. */
  readonly maxBatch: number;
}
