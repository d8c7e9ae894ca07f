// YOLOX: one tensor [batch, anchors, 5 + classes] of raw grid offsets, strides 8, 16 and 32 in this order.
// Decoding as published by its authors (Ge et al. 2021): (xy + grid) * stride, exp(wh) * stride, objectness * class.
import type { Candidate, DetectionHead } from './head.ts';

const STRIDES = [8, 16, 32] as const;
const BOX_VALUES = 5;

export const yoloxHead: DetectionHead = {
  name: 'yolox',

  refuses(manifest, outputs) {
    const [output] = outputs;
    if (output === undefined || outputs.length !== 1)
      return `${outputs.length} outputs, expected 1`;
    const { widthPx, heightPx } = manifest.input;
    const anchors = anchorCount(widthPx, heightPx);
    const [, rows, values] = output.shape;
    if (typeof rows === 'number' && rows !== anchors) {
      return `${rows} anchors, ${widthPx}x${heightPx} has ${anchors}`;
    }
    const expected = BOX_VALUES + manifest.labels.length;
    if (values !== expected)
      return `${values} values an anchor, ${expected} expected for the labels`;
    return undefined;
  },

  decode(outputs, slot, minScore, manifest) {
    const output = outputs[0]!;
    const data = output.data as Float32Array;
    const [, rows, values] = output.shape as [number, number, number];
    const candidates: Candidate[] = [];
    let at = slot * rows * values;
    for (const stride of STRIDES) {
      const columns = Math.floor(manifest.input.widthPx / stride);
      const lines = Math.floor(manifest.input.heightPx / stride);
      for (let y = 0; y < lines; y++) {
        for (let x = 0; x < columns; x++, at += values) {
          const objectness = data[at + 4]!;
          // No class can lift the product above the objectness: most anchors stop here.
          if (objectness < minScore) continue;
          let best = at + BOX_VALUES;
          const end = at + values;
          for (let k = best + 1; k < end; k++) if (data[k]! > data[best]!) best = k;
          const score = objectness * data[best]!;
          if (score < minScore) continue;
          const w = Math.exp(data[at + 2]!) * stride;
          const h = Math.exp(data[at + 3]!) * stride;
          candidates.push({
            x: (data[at]! + x) * stride - w / 2,
            y: (data[at + 1]! + y) * stride - h / 2,
            w,
            h,
            score,
            classIndex: best - at - BOX_VALUES,
          });
        }
      }
    }
    return candidates;
  },
};

function anchorCount(widthPx: number, heightPx: number): number {
  return STRIDES.reduce(
    (sum, stride) => sum + Math.floor(widthPx / stride) * Math.floor(heightPx / stride),
    0,
  );
}
