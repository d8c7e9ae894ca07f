// Which objects are meant: by label, size, score, and by what is masked out.
import type { Detection } from '../contracts/detection.ts';
import { area, type Point } from '../contracts/geometry.ts';
import type { ObjectFilter } from '../contracts/scene.ts';
import type { Track } from '../contracts/track.ts';
import { anchorOf, isInside } from './shapes.ts';

export function isMeant(track: Track, filter: ObjectFilter): boolean {
  const size = area(track.box);
  return (
    (filter.labels === undefined || filter.labels.includes(track.label)) &&
    size >= (filter.min_area ?? 0) &&
    size <= (filter.max_area ?? Number.POSITIVE_INFINITY) &&
    track.topScore >= (filter.min_score ?? 0)
  );
}

/** Detections that stand in a mask are dropped before they are tracked. */
export function withoutMasked(
  detections: readonly Detection[],
  masks: readonly (readonly Point[])[],
): readonly Detection[] {
  if (masks.length === 0) return detections;
  return detections.filter(({ box }) => {
    const foot = anchorOf(box, 'bottom_centre');
    return !masks.some((mask) => isInside(foot, mask));
  });
}
