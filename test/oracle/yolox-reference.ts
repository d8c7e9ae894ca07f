// An independent YOLOX pipeline to compare with: ffmpeg decodes, this file letterboxes and reads the head in the most
// obvious way, onnxruntime-node infers. It shares no code with src/ or native/.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as ort from 'onnxruntime-node';

export interface ReferenceBox {
  classIndex: number;
  score: number;
  /** Fractions of the frame. */
  x: number;
  y: number;
  w: number;
  h: number;
}

/** All frames of a file as packed RGB, decoded by the ffmpeg program. */
export async function* decodeWithFfmpeg(
  path: string,
  widthPx: number,
  heightPx: number,
): AsyncGenerator<Buffer> {
  const ffmpeg = spawn(
    'ffmpeg',
    [
      '-v',
      'error',
      '-i',
      path,
      '-fps_mode',
      'passthrough',
      '-sws_flags',
      'accurate_rnd+full_chroma_int',
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      'pipe:1',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const frameBytes = widthPx * heightPx * 3;
  let rest = Buffer.alloc(0);
  for await (const chunk of ffmpeg.stdout) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    while (rest.length >= frameBytes) {
      yield rest.subarray(0, frameBytes);
      rest = rest.subarray(frameBytes);
    }
  }
  if (ffmpeg.exitCode === null) await once(ffmpeg, 'exit');
}

/** RGB frame → BGR planar float32 0..255, aspect kept, top-left, the rest 114. Area average when shrinking. */
export function letterbox(
  rgb: Buffer,
  widthPx: number,
  heightPx: number,
  sidePx: number,
): { tensor: Float32Array; scale: number } {
  const scale = Math.min(sidePx / widthPx, sidePx / heightPx);
  const outW = Math.round(widthPx * scale);
  const outH = Math.round(heightPx * scale);
  const tensor = new Float32Array(3 * sidePx * sidePx).fill(114);
  const columns = spans(widthPx, outW);
  const rows = spans(heightPx, outH);
  for (let y = 0; y < outH; y++) {
    for (let x = 0; x < outW; x++) {
      const sum = [0, 0, 0];
      for (const [sy, wy] of rows[y]!) {
        for (const [sx, wx] of columns[x]!) {
          const at = (sy * widthPx + sx) * 3;
          for (let c = 0; c < 3; c++) sum[c]! += rgb[at + c]! * wx * wy;
        }
      }
      for (let c = 0; c < 3; c++) {
        tensor[(2 - c) * sidePx * sidePx + y * sidePx + x] = sum[c]!;
      }
    }
  }
  return { tensor, scale };
}

/** For each output pixel its input pixels and weights: a triangle as wide as the shrinking. */
function spans(inputPx: number, outputPx: number): [number, number][][] {
  const ratio = inputPx / outputPx;
  const reach = Math.max(1, ratio);
  return Array.from({ length: outputPx }, (_, i) => {
    const centre = (i + 0.5) * ratio - 0.5;
    const taps: [number, number][] = [];
    for (let s = Math.ceil(centre - reach); s <= Math.floor(centre + reach); s++) {
      const weight = 1 - Math.abs(s - centre) / reach;
      if (weight > 0) taps.push([Math.min(inputPx - 1, Math.max(0, s)), weight]);
    }
    const total = taps.reduce((sum, [, weight]) => sum + weight, 0);
    return taps.map(([s, weight]) => [s, weight / total]);
  });
}

/** Boxes of one frame as the model's authors describe the head, NMS per class. */
export function readYolox(
  output: Float32Array,
  classes: number,
  sidePx: number,
  minScore: number,
  nmsIou: number,
): { classIndex: number; score: number; x1: number; y1: number; x2: number; y2: number }[] {
  const boxes = [];
  let row = 0;
  for (const stride of [8, 16, 32]) {
    const cells = sidePx / stride;
    for (let gy = 0; gy < cells; gy++) {
      for (let gx = 0; gx < cells; gx++, row++) {
        const v = output.subarray(row * (5 + classes), (row + 1) * (5 + classes));
        const scores = Array.from(v.subarray(5), (p) => p * v[4]!);
        const score = Math.max(...scores);
        if (score < minScore) continue;
        const cx = (v[0]! + gx) * stride;
        const cy = (v[1]! + gy) * stride;
        const w = Math.exp(v[2]!) * stride;
        const h = Math.exp(v[3]!) * stride;
        const classIndex = scores.indexOf(score);
        boxes.push({
          classIndex,
          score,
          x1: cx - w / 2,
          y1: cy - h / 2,
          x2: cx + w / 2,
          y2: cy + h / 2,
        });
      }
    }
  }
  boxes.sort((a, b) => b.score - a.score);
  const kept: typeof boxes = [];
  for (const box of boxes) {
    if (!kept.some((k) => k.classIndex === box.classIndex && cornerIou(k, box) > nmsIou))
      kept.push(box);
  }
  return kept;
}

type Corners = { x1: number; y1: number; x2: number; y2: number };

function cornerIou(a: Corners, b: Corners): number {
  const w = Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1));
  const h = Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));
  const size = (c: Corners) => (c.x2 - c.x1) * (c.y2 - c.y1);
  return (w * h) / (size(a) + size(b) - w * h);
}

export class YoloxReference {
  private readonly session: ort.InferenceSession;
  private readonly sidePx: number;

  private constructor(session: ort.InferenceSession, sidePx: number) {
    this.session = session;
    this.sidePx = sidePx;
  }

  static async open(modelPath: string, sidePx: number): Promise<YoloxReference> {
    const session = await ort.InferenceSession.create(modelPath, { intraOpNumThreads: 1 });
    return new YoloxReference(session, sidePx);
  }

  async detect(
    rgb: Buffer,
    widthPx: number,
    heightPx: number,
    minScore: number,
    nmsIou: number,
  ): Promise<ReferenceBox[]> {
    const { tensor, scale } = letterbox(rgb, widthPx, heightPx, this.sidePx);
    const input = new ort.Tensor('float32', tensor, [1, 3, this.sidePx, this.sidePx]);
    const results = await this.session.run({ [this.session.inputNames[0]!]: input });
    const output = results[this.session.outputNames[0]!]!;
    const classes = output.dims[2]! - 5;
    const found = readYolox(output.data as Float32Array, classes, this.sidePx, minScore, nmsIou);
    return found.map(({ classIndex, score, x1, y1, x2, y2 }) => {
      const left = Math.max(0, x1 / scale / widthPx);
      const top = Math.max(0, y1 / scale / heightPx);
      return {
        classIndex,
        score,
        x: left,
        y: top,
        w: Math.min(1, x2 / scale / widthPx) - left,
        h: Math.min(1, y2 / scale / heightPx) - top,
      };
    });
  }
}
