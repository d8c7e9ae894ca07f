// The heads that find objects, by name.
import type { ModelManifest } from '../../contracts/model.ts';
import { AgentError } from '../../core/errors.ts';
import { detrHead } from './detr.ts';
import type { DetectionHead } from './head.ts';
import { vedetteHead } from './vedette.ts';
import { yoloxHead } from './yolox.ts';

const HEADS: readonly DetectionHead[] = [vedetteHead, yoloxHead, detrHead];

/** Throws MODEL_UNSUPPORTED when the model finds no objects. */
export function detectionHead({ head, path }: ModelManifest): DetectionHead {
  const found = HEADS.find(({ name }) => name === head);
  if (found !== undefined) return found;
  const cause = `its head is ${head}, which finds no objects`;
  throw new AgentError('MODEL_UNSUPPORTED', { path, cause });
}
