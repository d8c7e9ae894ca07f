// Prepares results and ground truth for the metrics: what does not count is removed as TrackEval removes it.
import { Assigner } from '../../src/track/assignment.ts';
import type { MotRow } from '../../src/track/mot-csv.ts';
import type { Sequence } from './sequence.ts';

/** One frame: dense identities and the IoU of every pair, `similarity[t * results.length + r]`. */
export interface Compared {
  readonly truth: readonly number[];
  readonly results: readonly number[];
  readonly similarity: Float64Array;
}

export interface Comparison {
  readonly frames: readonly Compared[];
  readonly truthIds: number;
  readonly resultIds: number;
}

export const EPSILON: number = Number.EPSILON;
const assigner = new Assigner();

export function compare(
  sequence: Sequence,
  results: readonly MotRow[],
  frameNumbers: readonly number[],
): Comparison {
  const truthByFrame = byFrame(sequence.truth);
  const ignoredByFrame = byFrame(sequence.ignored);
  const resultsByFrame = byFrame(results);
  const truthIds = new Map<number, number>();
  const resultIds = new Map<number, number>();
  const frames = frameNumbers.map((number) => {
    const truth = truthByFrame.get(number) ?? [];
    const ignored = ignoredByFrame.get(number) ?? [];
    const kept = withoutNeutral(sequence, truth, resultsByFrame.get(number) ?? [], ignored);
    const targets = truth.filter((row) => row.isTarget);
    return {
      truth: targets.map((row) => dense(truthIds, row.id)),
      results: kept.map((row) => dense(resultIds, row.id)),
      similarity: similarities(targets, kept),
    };
  });
  return { frames, truthIds: truthIds.size, resultIds: resultIds.size };
}

/** Drops results that sit on distractors, in ignored areas, or are too small to be judged. */
function withoutNeutral(
  sequence: Sequence,
  truth: Sequence['truth'],
  results: readonly MotRow[],
  ignored: readonly MotRow[],
): MotRow[] {
  const matched = new Map<number, number>();
  if (truth.length > 0 && results.length > 0) {
    const benefit = assigner.matrix(truth.length, results.length);
    similarities(truth, results).forEach((value, i) => {
      benefit[i] = value < 0.5 - EPSILON ? 0 : value;
    });
    assigner.solve(truth.length, (row, column) => matched.set(column, row));
  }
  return results.filter((result, i) => {
    const partner = matched.get(i);
    if (partner !== undefined) return !truth[partner]!.isDistractor;
    if (result.height <= sequence.minHeightPx + EPSILON) return false;
    return !ignored.some((area) => coveredShare(result, area) > 0.5 + EPSILON);
  });
}

function similarities(truth: readonly MotRow[], results: readonly MotRow[]): Float64Array {
  const out = new Float64Array(truth.length * results.length);
  let at = 0;
  for (const a of truth) for (const b of results) out[at++] = iou(a, b);
  return out;
}

function intersection(a: MotRow, b: MotRow): number {
  const w = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const h = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return w > 0 && h > 0 ? w * h : 0;
}

function iou(a: MotRow, b: MotRow): number {
  const inter = intersection(a, b);
  return inter === 0 ? 0 : inter / (a.width * a.height + b.width * b.height - inter);
}

function coveredShare(result: MotRow, area: MotRow): number {
  return intersection(result, area) / (result.width * result.height);
}

function dense(ids: Map<number, number>, id: number): number {
  const known = ids.get(id);
  if (known !== undefined) return known;
  ids.set(id, ids.size);
  return ids.size - 1;
}

function byFrame<Row extends MotRow>(rows: readonly Row[]): Map<number, Row[]> {
  const map = new Map<number, Row[]>();
  for (const row of rows) {
    const list = map.get(row.frame);
    if (list === undefined) map.set(row.frame, [row]);
    else list.push(row);
  }
  return map;
}
