// Non-maximum suppression: of boxes of one class that show the same thing, the strongest stays.
import type { Candidate } from './heads/head.ts';

/** Above this many the weakest are dropped first: a frame of noise must not cost quadratic time. */
const MAX_CANDIDATES = 1000;
const MAX_KEPT = 300;

/**
 * Keeps the strongest of overlapping candidates.
 *
 * Greedy in falling order of score; a box goes when its IoU with a kept one of its class is above
 * `maxIou`, or with one of another class above `maxCrossIou`: a van that is both car and truck is one
 * object. At most 300 stay. Ties keep the order of the input, so equal inputs give equal results.
 */
export function suppress(
  candidates: readonly Candidate[],
  maxIou: number,
  maxCrossIou = 1,
): Candidate[] {
  const sorted = candidates.filter(isBox).sort((a, b) => b.score - a.score);
  if (sorted.length > MAX_CANDIDATES) sorted.length = MAX_CANDIDATES;
  const kept: Candidate[] = [];
  for (const candidate of sorted) {
    if (kept.length === MAX_KEPT) break;
    if (!isCovered(candidate, kept, maxIou, maxCrossIou)) kept.push(candidate);
  }
  return kept;
}

function isCovered(
  candidate: Candidate,
  kept: readonly Candidate[],
  maxIou: number,
  maxCrossIou: number,
): boolean {
  for (const other of kept) {
    const limit = other.classIndex === candidate.classIndex ? maxIou : maxCrossIou;
    if (overlap(other, candidate) > limit) return true;
  }
  return false;
}

/** Models emit NaN and negative sizes when they are fed nonsense; those are no boxes. */
function isBox(candidate: Candidate): boolean {
  return (
    candidate.w > 0 &&
    candidate.h > 0 &&
    Number.isFinite(candidate.x + candidate.y + candidate.w + candidate.h + candidate.score)
  );
}

function overlap(a: Candidate, b: Candidate): number {
  const w = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  if (w <= 0 || h <= 0) return 0;
  const shared = w * h;
  return shared / (a.w * a.h + b.w * b.h - shared);
}
