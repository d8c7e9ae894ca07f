// From candidates in printed pixels to detections in fractions of the frame.
import type { Detection } from '../contracts/detection.ts';
import { type Box, clip } from '../contracts/geometry.ts';
import type { ModelManifest } from '../contracts/model.ts';
import type { Placement } from '../contracts/ticket.ts';
import type { OutputView } from '../native/session.ts';
import type { Candidate, DetectionHead } from './heads/head.ts';
import { suppress } from './nms.ts';

/** Boxes of two classes that agree this well show one object; a rider and a bicycle stay below 0.7. */
const SAME_OBJECT_IOU = 0.8;

/** What was printed: the rectangle of the frame, and where in the print it lies. */
interface Print {
  readonly placement: Placement;
  readonly rectangle: Box;
}

/** What batch position `slot` shows, in falling order of score: head, suppression, and back to the frame. */
export function readDetections(
  { head, manifest }: { readonly head: DetectionHead; readonly manifest: ModelManifest },
  outputs: readonly OutputView[],
  slot: number,
  { placement, rectangle }: Print,
  minScore: number,
): Detection[] {
  const candidates = head.decode(outputs, slot, minScore, manifest);
  const kept = suppress(candidates, manifest.nmsIou, SAME_OBJECT_IOU);
  return toDetections(kept, placement, rectangle, manifest);
}

/**
 * Undoes the letterbox and the crop.
 *
 * `placement` says where in the printed picture the rectangle lies (printed pixels), `rectangle` which
 * part of the frame was printed. Boxes are cut at the frame's edge; what lies wholly in the bars goes.
 */
export function toDetections(
  candidates: readonly Candidate[],
  placement: Placement,
  rectangle: Box,
  manifest: ModelManifest,
): Detection[] {
  const detections: Detection[] = [];
  for (const { x, y, w, h, score, classIndex } of candidates) {
    const box = clip([
      rectangle[0] + ((x - placement.x) / placement.w) * rectangle[2],
      rectangle[1] + ((y - placement.y) / placement.h) * rectangle[3],
      (w / placement.w) * rectangle[2],
      (h / placement.h) * rectangle[3],
    ]);
    const label = manifest.labels[classIndex];
    if (label === undefined || box[2] <= 0 || box[3] <= 0) continue;
    detections.push({ box, score, label });
  }
  return detections;
}
