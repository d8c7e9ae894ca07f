// Vedette's own models: `boxes` [batch, anchors, 4] as x1 y1 x2 y2 in input pixels and `scores`
// [batch, anchors, classes] in 0..1; everything but the thresholds happens inside the graph.
import type { Candidate, DetectionHead } from './head.ts';
import { named, names } from './outputs.ts';

/** Hardly any score reaches the threshold: scores are passed over by so many at a time, in half the time. */
const GROUP = 8;

export const vedetteHead: DetectionHead = {
  name: 'vedette',

  refuses(manifest, outputs) {
    const boxes = outputs.find((output) => output.name === 'boxes');
    const scores = outputs.find((output) => output.name === 'scores');
    if (boxes === undefined || scores === undefined) {
      return `outputs are ${names(outputs)}, expected boxes and scores`;
    }
    const classes = scores.shape[2];
    if (typeof classes === 'number' && classes !== manifest.labels.length) {
      return `${classes} classes, but ${manifest.labels.length} labels`;
    }
    return undefined;
  },

  dimensions({ input }) {
    return { batch: 1, height: input.heightPx, width: input.widthPx };
  },

  decode(outputs, slot, minScore) {
    const boxes = named(outputs, 'boxes');
    const scores = named(outputs, 'scores');
    const [, anchors, classes] = scores.shape as [number, number, number];
    const scoreData = scores.data as Float32Array;
    const boxData = boxes.data as Float32Array;
    const candidates: Candidate[] = [];
    const first = slot * anchors * classes;
    const end = first + anchors * classes;
    for (let at = first; at < end; at++) {
      while (at + GROUP <= end && isGroupBelow(scoreData, at, minScore)) at += GROUP;
      if (at === end) break;
      if (!(scoreData[at]! >= minScore)) continue;
      const anchor = Math.floor((at - first) / classes);
      const own = first + anchor * classes;
      let best = at;
      for (let k = at + 1; k < own + classes; k++) if (scoreData[k]! > scoreData[best]!) best = k;
      const corner = (slot * anchors + anchor) * 4;
      const x = boxData[corner]!;
      const y = boxData[corner + 1]!;
      candidates.push({
        x,
        y,
        w: boxData[corner + 2]! - x,
        h: boxData[corner + 3]! - y,
        score: scoreData[best]!,
        classIndex: best - own,
      });
      at = own + classes - 1;
    }
    return candidates;
  },
};

function isGroupBelow(scores: Float32Array, at: number, limit: number): boolean {
  return !(
    scores[at]! >= limit ||
    scores[at + 1]! >= limit ||
    scores[at + 2]! >= limit ||
    scores[at + 3]! >= limit ||
    scores[at + 4]! >= limit ||
    scores[at + 5]! >= limit ||
    scores[at + 6]! >= limit ||
    scores[at + 7]! >= limit
  );
}
