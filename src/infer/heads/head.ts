// A head turns one family's raw output tensors into scored boxes.
import type { HeadName, ModelManifest } from '../../contracts/model.ts';
import type { InputBinding, OutputView, TensorInfo } from '../../native/session.ts';
import { detrHead } from './detr.ts';
import { vedetteHead } from './vedette.ts';
import { yoloxHead } from './yolox.ts';

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
  /** What the model asks for besides the picture, for a batch of `count`. */
  inputs?(manifest: ModelManifest, count: number): readonly InputBinding[];
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

const HEADS: readonly Head[] = [vedetteHead, yoloxHead, detrHead];

export function headNamed(name: HeadName): Head {
  const head = HEADS.find((candidate) => candidate.name === name);
  if (head === undefined) throw new Error(`no head is named ${name}`);
  return head;
}
