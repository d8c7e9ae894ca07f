// What is found after tracking: the boxes of confirmed tracks on the marked frames of a clip, at the daemon's frame rate.
import * as v from 'valibot';
import type { Detection } from '../../src/contracts/detection.ts';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { AgentError } from '../../src/core/errors.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import type { TrackingConfig } from '../../src/track/tracking-config.ts';
import { type FoundBox, judgeFinds, type TruthBox, type Verdict } from './average-precision.ts';
import type { Detector } from './detector.ts';
import { type Clip, framesOf } from './pictures.ts';
import type { Progress } from './progress.ts';
import { readJson } from './truth.ts';

const MIN_IOU = 0.5;
const LABEL = 'person';

export interface ClipFigures {
  readonly clip: string;
  readonly fps: number;
  readonly frames: number;
  readonly persons: number;
  readonly models: Readonly<Record<string, TrackedFigures>>;
}

export interface TrackedFigures {
  readonly recall: number;
  readonly precision: number;
  readonly right: number;
  readonly wrong: number;
  /** Boxes of confirmed tracks with another label than person; they count nowhere else. */
  readonly other_labels: number;
  readonly low_score: number;
  readonly high_score: number;
  readonly new_score: number;
}

const box = v.tuple([v.number(), v.number(), v.number(), v.number()]);
const truthSchema = v.object({
  frames: v.array(v.object({ frame: v.number(), persons: v.array(box), ignore: v.array(box) })),
});

interface MarkedFrame extends Verdict {
  /** Boxes of confirmed tracks with another label. */
  readonly others: number;
}

export type ClipVerdicts = ReadonlyMap<number, MarkedFrame>;

/** Truth by number of the frame, from 0; finds in `ignore` count neither way. */
export type ClipTruth = ReadonlyMap<number, readonly TruthBox[]>;

export function readClipTruth(path: string): ClipTruth {
  const result = v.safeParse(truthSchema, readJson(path));
  if (!result.success) {
    const [issue] = result.issues;
    const problem = `${path}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`;
    throw new AgentError('USAGE', { problem });
  }
  return new Map(
    result.output.frames.map(({ frame, persons, ignore }) => [
      frame,
      [...persons.map((one) => truthBox(one, false)), ...ignore.map((one) => truthBox(one, true))],
    ]),
  );
}

function truthBox(pixels: TruthBox['box'], isCrowd: boolean): TruthBox {
  return { label: LABEL, box: pixels, areaPx: pixels[2] * pixels[3], isCrowd };
}

/** Detections of every frame of the clip, by detector. */
export async function watchClip(
  clip: Clip,
  truth: ClipTruth,
  detectors: readonly Detector[],
  minScore: (manifest: ModelManifest) => number,
  progress: Progress,
): Promise<Detection[][][]> {
  const count = Math.max(...truth.keys()) + 1;
  const seen = detectors.map((): Detection[][] => []);
  progress.begin('demo clip', count);
  for await (const frame of framesOf(clip, count)) {
    for (const [i, detector] of detectors.entries()) {
      seen[i]!.push(await detector.detect(frame, minScore(detector.manifest)));
    }
    progress.step();
  }
  if (seen[0]!.length === count) return seen;
  const problem = `${clip.file} has ${seen[0]!.length} frames, frame ${count - 1} is marked`;
  throw new AgentError('USAGE', { problem });
}

/**
 * How the boxes of confirmed tracks meet the truth, by number of the marked frame.
 *
 * A clip with more frames than the daemon analyses is followed several times, each time from another
 * of its first frames on, so that every marked frame is analysed once.
 */
export function followClip(
  seen: readonly (readonly Detection[])[],
  clip: Clip,
  truth: ClipTruth,
  tracking: TrackingConfig,
  fps: number,
): ClipVerdicts {
  const stride = Math.max(1, Math.round(clip.fps / fps));
  const verdicts = new Map<number, MarkedFrame>();
  for (let phase = 0; phase < stride; phase++) {
    let ids = 0;
    const tracker = createTracker(tracking, { idFor: () => String(++ids) });
    for (let number = phase; number < seen.length; number += stride) {
      const detections = seen[number]!.filter(({ score }) => score >= tracking.low_score);
      const { tracks } = tracker.update(frameAt(number, phase, clip), detections);
      const marked = truth.get(number);
      if (marked === undefined) continue;
      const confirmed = tracks.filter((track) => track.phase === 'confirmed');
      const persons = confirmed.filter((track) => track.label === LABEL);
      const found = persons.map((track): FoundBox => {
        const [x, y, w, h] = track.box;
        const pixels = [x * clip.widthPx, y * clip.heightPx, w * clip.widthPx, h * clip.heightPx];
        return { label: LABEL, score: track.score, box: pixels as unknown as FoundBox['box'] };
      });
      const others = confirmed.length - persons.length;
      verdicts.set(number, { ...judgeFinds({ truth: marked, found }, MIN_IOU), others });
    }
  }
  return verdicts;
}

/** Recall and precision on the marked frames. */
export function figuresOf(verdicts: ClipVerdicts, tracking: TrackingConfig): TrackedFigures {
  const sum = (of: (frame: MarkedFrame) => number): number =>
    [...verdicts.values()].reduce((total, frame) => total + of(frame), 0);
  const right = sum((frame) => frame.right.length);
  const wrong = sum((frame) => frame.wrong.length);
  return {
    recall: right / (right + sum((frame) => frame.missed.length)),
    precision: right / Math.max(1, right + wrong),
    right,
    wrong,
    other_labels: sum((frame) => frame.others),
    low_score: tracking.low_score,
    high_score: tracking.high_score,
    new_score: tracking.new_score,
  };
}

/** The lowest score that `tune` tries. */
export const LEAST_TRIED = 0.05;

/**
 * The scores with the best F1 of a grid; of equals the ones nearest to `start`.
 *
 * Twenty frames of one place are few: differences of a point mean nothing.
 */
export function tune(
  start: TrackingConfig,
  follow: (tracking: TrackingConfig) => TrackedFigures,
): TrackedFigures {
  const tried: { figures: TrackedFigures; distance: number }[] = [];
  for (const low_score of [LEAST_TRIED, 0.1, 0.15, 0.2, 0.3]) {
    for (let high = 5; high <= 16; high++) {
      for (let young = Math.max(high, 6); young <= 18; young++) {
        const scores = { low_score, high_score: high / 20, new_score: young / 20 };
        if (low_score > scores.high_score) continue;
        const distance =
          Math.abs(scores.low_score - start.low_score) +
          Math.abs(scores.high_score - start.high_score) +
          Math.abs(scores.new_score - start.new_score);
        tried.push({ figures: follow({ ...start, ...scores }), distance });
      }
    }
  }
  const f1 = ({ recall, precision }: TrackedFigures): number =>
    (2 * recall * precision) / (recall + precision) || 0;
  tried.sort((a, b) => f1(b.figures) - f1(a.figures) || a.distance - b.distance);
  return tried[0]!.figures;
}

function frameAt(number: number, phase: number, { widthPx, heightPx, fps }: Clip) {
  const ms = (number * 1000) / fps;
  return {
    camera: 'clip',
    session: String(phase),
    sequence: number + 1,
    ptsNs: Math.round(ms * 1e6),
    captureMs: ms,
    captureClock: 'host' as const,
    arrivedMs: ms,
    widthPx,
    heightPx,
    motion: 1,
  };
}
