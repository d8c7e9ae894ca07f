// Detections as text: what a model saw, kept so that tracking, zones and rules can be tried on it again and again.
import type { FrameDetections } from '../contracts/detection.ts';
import type { BackgroundChange } from '../contracts/frame.ts';
import type { Box } from '../contracts/geometry.ts';
import type { TrackingScores } from '../contracts/model.ts';
import { AgentError } from '../core/errors.ts';
import { motLine, parseMot } from '../track/mot-csv.ts';

/** First line of a recording. */
export interface RecordingHead {
  readonly vedette: 'detections';
  readonly v: 1;
  readonly device: string;
  readonly model: {
    readonly name: string;
    readonly sha256: string;
    /** Of the model's manifest, so that a replay tracks as the daemon would. */
    readonly tracking?: TrackingScores;
  };
}

/** One analysed frame; boxes are fractions with five decimals (a fifth of a pixel in 4K). */
interface FrameLine {
  readonly camera: string;
  readonly session: string;
  readonly sequence: number;
  readonly pts_ns: number;
  readonly ts_ms: number;
  readonly clock: 'rtcp' | 'host';
  /** Monotonic milliseconds; only differences mean something. */
  readonly at_ms: number;
  readonly size: readonly [number, number];
  readonly motion: number;
  readonly still_ms?: number;
  readonly background_changes?: readonly (readonly [
    x: number,
    y: number,
    w: number,
    h: number,
    age_ms: number,
    kind?: 'came' | 'went',
  ])[];
  readonly camera_shift?: readonly [x: number, y: number];
  /** Absent: all of the frame was inferred. */
  readonly region?: Box;
  readonly detections: readonly (readonly [
    label: string,
    score: number,
    x: number,
    y: number,
    w: number,
    h: number,
  ])[];
}

export function headLine(device: string, model: RecordingHead['model']): string {
  const { name, sha256, tracking } = model;
  const told = { name, sha256, ...(tracking !== undefined && { tracking }) };
  const head: RecordingHead = { vedette: 'detections', v: 1, device, model: told };
  return `${JSON.stringify(head)}\n`;
}

export function frameLine({ frame, detections, region }: FrameDetections): string {
  const line: FrameLine = {
    camera: frame.camera,
    session: frame.session,
    sequence: frame.sequence,
    pts_ns: frame.ptsNs,
    ts_ms: Math.round(frame.captureMs * 1000) / 1000,
    clock: frame.captureClock,
    at_ms: Math.round(frame.arrivedMs * 1000) / 1000,
    size: [frame.widthPx, frame.heightPx],
    motion: round(frame.motion),
    ...(frame.stillMs !== undefined && { still_ms: round(frame.stillMs) }),
    ...(frame.backgroundChanges && {
      background_changes: frame.backgroundChanges.map(changeRow),
    }),
    ...(frame.cameraShift && { camera_shift: frame.cameraShift }),
    ...(region && { region: roundBox(region) }),
    detections: detections.map(({ label, score, box }) => [label, round(score), ...roundBox(box)]),
  };
  return `${JSON.stringify(line)}\n`;
}

/** Throws USAGE when the first line is not that of a recording. */
export function parseHead(line: string, name: string): RecordingHead {
  const head = parseJson(line, name, 1) as Partial<RecordingHead>;
  if (head.vedette !== 'detections' || head.v !== 1) {
    const problem = `${name} is not a recording of detections; \`vedette record\` makes one`;
    throw new AgentError('USAGE', { problem });
  }
  return head as RecordingHead;
}

export function parseFrame(text: string, name: string, number: number): FrameDetections {
  const line = parseJson(text, name, number) as FrameLine;
  if (!Array.isArray(line.detections) || !Array.isArray(line.size)) {
    throw new AgentError('USAGE', { problem: `${name}:${number}: not a frame of a recording` });
  }
  return {
    frame: {
      camera: line.camera,
      session: line.session,
      sequence: line.sequence,
      ptsNs: line.pts_ns,
      captureMs: line.ts_ms,
      captureClock: line.clock,
      arrivedMs: line.at_ms,
      widthPx: line.size[0],
      heightPx: line.size[1],
      motion: line.motion,
      ...(line.still_ms !== undefined && { stillMs: line.still_ms }),
      ...(line.background_changes && { backgroundChanges: line.background_changes.map(changeOf) }),
      ...(line.camera_shift && { cameraShift: line.camera_shift }),
    },
    detections: line.detections.map(([label, score, x, y, w, h]) => ({
      box: [x, y, w, h],
      score,
      label,
    })),
    ...(line.region && { region: line.region }),
    inferredMs: line.at_ms,
  };
}

/** One line per detection of MOTChallenge text; the label is lost. */
export function motLines({ frame, detections }: FrameDetections): string {
  const { widthPx, heightPx } = frame;
  return detections
    .map(({ box: [x, y, w, h], score }) => {
      const place = {
        left: x * widthPx,
        top: y * heightPx,
        width: w * widthPx,
        height: h * heightPx,
      };
      return `${motLine({ frame: frame.sequence, id: -1, ...place, score })}\n`;
    })
    .join('');
}

export interface MotOptions {
  readonly camera: string;
  readonly label: string;
  readonly fps: number;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Wall clock of frame 1. */
  readonly startMs: number;
}

/** Every frame from the first to the last, also those without a detection. */
export function readMot(text: string, name: string, options: MotOptions): FrameDetections[] {
  const { camera, label, fps, widthPx, heightPx, startMs } = options;
  const rows = parseMot(text, name);
  const last = rows.reduce((most, row) => Math.max(most, row.frame), 0);
  const frames = Array.from(
    { length: last },
    (_, i): FrameDetections & { detections: object[] } => {
      const ms = (i * 1000) / fps;
      const frame = {
        camera,
        session: name,
        sequence: i + 1,
        ptsNs: Math.round(ms * 1e6),
        captureMs: startMs + ms,
        captureClock: 'host' as const,
        arrivedMs: ms,
        widthPx,
        heightPx,
        motion: 1,
      };
      return { frame, detections: [], inferredMs: ms };
    },
  );
  for (const { frame, left, top, width, height, score } of rows) {
    const box = [left / widthPx, top / heightPx, width / widthPx, height / heightPx] as const;
    frames[frame - 1]?.detections.push({ box, score, label });
  }
  return frames;
}

function parseJson(text: string, name: string, number: number): object {
  try {
    const value = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {}
  throw new AgentError('USAGE', { problem: `${name}:${number}: not a line of JSON` });
}

type ChangeRow = NonNullable<FrameLine['background_changes']>[number];

function changeRow({ box, ageMs, kind }: BackgroundChange): ChangeRow {
  const [x, y, w, h] = roundBox(box);
  return kind === undefined ? [x, y, w, h, ageMs] : [x, y, w, h, ageMs, kind];
}

function changeOf([x, y, w, h, ageMs, kind]: ChangeRow): BackgroundChange {
  return { box: [x, y, w, h], ageMs, ...(kind !== undefined && { kind }) };
}

function roundBox([x, y, w, h]: Box): Box {
  return [round(x), round(y), round(w), round(h)];
}

function round(value: number): number {
  return Math.round(value * 100_000) / 100_000;
}
