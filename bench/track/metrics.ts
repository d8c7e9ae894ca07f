// HOTA (Luiten et al. 2021), CLEAR MOT (Bernardin 2008) and IDF1 (Ristani 2016), as TrackEval defines them.
import { Assigner } from '../../src/track/assignment.ts';
import { type Compared, type Comparison, EPSILON } from './compare.ts';

/** Percentages and counts. */
export interface Scores {
  readonly HOTA: number;
  readonly DetA: number;
  readonly AssA: number;
  readonly MOTA: number;
  readonly MOTP: number;
  readonly IDF1: number;
  readonly TP: number;
  readonly FP: number;
  readonly FN: number;
  readonly IDSW: number;
}

const ALPHAS = Array.from({ length: 19 }, (_, i) => 0.05 * (i + 1));
const assigner = new Assigner();

export function score(comparison: Comparison): Scores {
  return { ...hota(comparison), ...clear(comparison), IDF1: idf1(comparison) };
}

function pairs(
  { truth, results }: Compared,
  value: (t: number, r: number, at: number) => number,
  pair: (t: number, r: number, at: number) => void,
): void {
  if (truth.length === 0 || results.length === 0) return;
  const benefit = assigner.matrix(truth.length, results.length);
  for (let t = 0; t < truth.length; t++) {
    for (let r = 0; r < results.length; r++) {
      const at = t * results.length + r;
      benefit[at] = value(t, r, at);
    }
  }
  assigner.solve(truth.length, (t, r) => pair(t, r, t * results.length + r));
}

function hota({ frames, truthIds, resultIds }: Comparison): Pick<Scores, 'HOTA' | 'DetA' | 'AssA'> {
  const { alignment, truthCount, resultCount } = globalAlignment(frames, truthIds, resultIds);
  const matches = ALPHAS.map(() => new Float64Array(truthIds * resultIds));
  const tp = ALPHAS.map(() => 0);
  let truthBoxes = 0;
  let resultBoxes = 0;
  for (const frame of frames) {
    truthBoxes += frame.truth.length;
    resultBoxes += frame.results.length;
    const cell = (t: number, r: number): number => frame.truth[t]! * resultIds + frame.results[r]!;
    pairs(
      frame,
      (t, r, at) => alignment[cell(t, r)]! * frame.similarity[at]!,
      (t, r, at) => {
        for (const [i, alpha] of ALPHAS.entries()) {
          if (frame.similarity[at]! < alpha - EPSILON) break;
          tp[i] = tp[i]! + 1;
          matches[i]![cell(t, r)]! += 1;
        }
      },
    );
  }
  let [sumHota, sumDet, sumAss] = [0, 0, 0];
  for (const [i, counts] of matches.entries()) {
    const det = tp[i]! / Math.max(1, truthBoxes + resultBoxes - tp[i]!);
    let associated = 0;
    for (let at = 0; at < counts.length; at++) {
      const n = counts[at]!;
      if (n === 0) continue;
      const union = truthCount[Math.floor(at / resultIds)]! + resultCount[at % resultIds]! - n;
      associated += (n * n) / Math.max(1, union);
    }
    const ass = associated / Math.max(1, tp[i]!);
    sumHota += Math.sqrt(det * ass);
    sumDet += det;
    sumAss += ass;
  }
  const share = 100 / ALPHAS.length;
  return { HOTA: sumHota * share, DetA: sumDet * share, AssA: sumAss * share };
}

/** How well each pair of identities agrees over the whole sequence; it steers the matching per frame. */
function globalAlignment(
  frames: readonly Compared[],
  truthIds: number,
  resultIds: number,
): { alignment: Float64Array; truthCount: Float64Array; resultCount: Float64Array } {
  const alignment = new Float64Array(truthIds * resultIds);
  const truthCount = new Float64Array(truthIds);
  const resultCount = new Float64Array(resultIds);
  for (const { truth, results, similarity } of frames) {
    const bySum = new Float64Array(truth.length);
    const toSum = new Float64Array(results.length);
    for (const id of truth) truthCount[id]! += 1;
    for (const id of results) resultCount[id]! += 1;
    for (const [at, value] of similarity.entries()) {
      bySum[Math.floor(at / results.length)]! += value;
      toSum[at % results.length]! += value;
    }
    for (const [at, value] of similarity.entries()) {
      const t = Math.floor(at / results.length);
      const r = at % results.length;
      const union = bySum[t]! + toSum[r]! - value;
      if (union > EPSILON) alignment[truth[t]! * resultIds + results[r]!]! += value / union;
    }
  }
  for (let at = 0; at < alignment.length; at++) {
    const n = alignment[at]!;
    const union = truthCount[Math.floor(at / resultIds)]! + resultCount[at % resultIds]! - n;
    alignment[at] = n / union;
  }
  return { alignment, truthCount, resultCount };
}

function clear({
  frames,
  truthIds,
}: Comparison): Pick<Scores, 'MOTA' | 'MOTP' | 'TP' | 'FP' | 'FN' | 'IDSW'> {
  const lastEver = new Int32Array(truthIds).fill(-1);
  const lastFrame = new Int32Array(truthIds).fill(-1);
  let [tp, fp, fn, switches, overlap] = [0, 0, 0, 0, 0];
  for (const frame of frames) {
    const { truth, results, similarity } = frame;
    let matched = 0;
    const now: [number, number][] = [];
    pairs(
      frame,
      (t, r, at) => {
        if (similarity[at]! < 0.5 - EPSILON) return 0;
        return similarity[at]! + (lastFrame[truth[t]!] === results[r]! ? 1000 : 0);
      },
      (t, r, at) => {
        matched += 1;
        overlap += similarity[at]!;
        now.push([truth[t]!, results[r]!]);
      },
    );
    tp += matched;
    fp += results.length - matched;
    fn += truth.length - matched;
    if (truth.length === 0 || results.length === 0) continue;
    lastFrame.fill(-1);
    for (const [truthId, resultId] of now) {
      if (lastEver[truthId] !== -1 && lastEver[truthId] !== resultId) switches += 1;
      lastEver[truthId] = resultId;
      lastFrame[truthId] = resultId;
    }
  }
  const mota = (100 * (tp - fp - switches)) / Math.max(1, tp + fn);
  return {
    MOTA: mota,
    MOTP: (100 * overlap) / Math.max(1, tp),
    TP: tp,
    FP: fp,
    FN: fn,
    IDSW: switches,
  };
}

function idf1({ frames, truthIds, resultIds }: Comparison): number {
  const together = new Float64Array(truthIds * resultIds);
  let boxes = 0;
  for (const { truth, results, similarity } of frames) {
    boxes += truth.length + results.length;
    for (const [at, value] of similarity.entries()) {
      if (value < 0.5) continue;
      const t = truth[Math.floor(at / results.length)]!;
      together[t * resultIds + results[at % results.length]!]! += 1;
    }
  }
  let right = 0;
  assigner.matrix(truthIds, resultIds).set(together);
  assigner.solve(truthIds, (t, r) => {
    right += together[t * resultIds + r]!;
  });
  return boxes === 0 ? 0 : (200 * right) / boxes;
}
