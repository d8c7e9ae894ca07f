// What must be known about a model file to feed it and to read its answers: the manifest beside it.
import type { Fit } from './ticket.ts';

export type HeadName = 'vedette' | 'yolox';

export interface ModelInput {
  /** Name of the image tensor in the graph. */
  readonly name: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly layout: 'planar' | 'interleaved';
  readonly order: 'rgb' | 'bgr';
  readonly dtype: 'uint8' | 'float32';
  readonly fit: Fit;
  /** Grey value 0..255 of the letterbox bars. */
  readonly pad: number;
  /** float32 only: `(value - mean) * scale` per channel, value 0..255. */
  readonly mean: readonly [number, number, number];
  readonly scale: readonly [number, number, number];
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
