// A head turns one family's raw output tensors into what the pipeline knows: scored boxes, or a vector.
import type { HeadName, ModelManifest } from '../../contracts/model.ts';
import type { InputBinding, OutputView, TensorInfo } from '../../native/session.ts';

/** A box in pixels of the printed picture, before NMS and before the letterbox is undone. */
export interface Candidate {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  readonly score: number;
  readonly classIndex: number;
}

export interface Head {
  readonly name: HeadName;
  /** The reason why this model's tensors do not suit the head, or undefined. */
  refuses(manifest: ModelManifest, outputs: readonly TensorInfo[]): string | undefined;
  /** What the model leaves open, by name, where its batch is one picture; absent: its names are not known. */
  dimensions?(manifest: ModelManifest): Readonly<Record<string, number>>;
  /** What the model asks for besides the picture, for a batch of `count`. */
  inputs?(manifest: ModelManifest, count: number): readonly InputBinding[];
}

export interface DetectionHead extends Head {
  /**
   * Candidates of batch position `slot` that reach `minScore`, in no order.
   * Pure; reads the outputs and keeps nothing of them.
   */
  decode(
    outputs: readonly OutputView[],
    slot: number,
    minScore: number,
    manifest: ModelManifest,
  ): Candidate[];
}

export interface EmbeddingHead extends Head {
  /** The look of batch position `slot`: a vector of unit length, copied. */
  describe(outputs: readonly OutputView[], slot: number): Float32Array;
}
