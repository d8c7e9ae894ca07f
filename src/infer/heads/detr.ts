// The DETR family as D-FINE and DEIM export it: `labels` [batch, queries], `boxes` [batch, queries, 4] as x1 y1 x2 y2 and
// `scores` [batch, queries]; one box per object, and a second input that says in whose pixels the boxes are told.
import type { DetectionHead } from './head.ts';
import { named, names } from './outputs.ts';

const SIZES_INPUT = 'orig_target_sizes';

export const detrHead: DetectionHead = {
  name: 'detr',

  refuses(_manifest, outputs) {
    const missing = ['labels', 'boxes', 'scores'].filter(
      (name) => !outputs.some((output) => output.name === name),
    );
    return missing.length === 0
      ? undefined
      : `outputs are ${names(outputs)}, no ${missing.join(', ')}`;
  },

  /** Width before height; the boxes come in pixels of the print. */
  inputs({ input: { widthPx, heightPx } }, count) {
    const data = new BigInt64Array(2 * count);
    for (let i = 0; i < count; i++) data.set([BigInt(widthPx), BigInt(heightPx)], 2 * i);
    return [{ name: SIZES_INPUT, dtype: 'int64', shape: [count, 2], data }];
  },

  decode(outputs, slot, minScore) {
    const scores = named(outputs, 'scores');
    const scoreData = scores.data as Float32Array;
    const boxData = named(outputs, 'boxes').data as Float32Array;
    const labelData = named(outputs, 'labels').data as BigInt64Array;
    const queries = scores.shape[1]!;
    const candidates = [];
    for (let query = slot * queries; query < (slot + 1) * queries; query++) {
      const score = scoreData[query]!;
      if (score < minScore) continue;
      const [x1, y1, x2, y2] = boxData.subarray(4 * query, 4 * query + 4) as unknown as number[];
      const classIndex = Number(labelData[query]!);
      candidates.push({ x: x1!, y: y1!, w: x2! - x1!, h: y2! - y1!, score, classIndex });
    }
    return candidates;
  },
};
