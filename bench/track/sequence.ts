// Finds tracking sequences below a folder: MOTChallenge layout, and KITTI with its classes as sequences of their own.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type MotRow, parseMot } from '../../src/track/mot-csv.ts';

/** How hidden or cut an object is, and whether it is told apart from the class that is scored. */
export interface TruthRow extends MotRow {
  readonly isTarget: boolean;
  /** Detections on it are neither right nor wrong. */
  readonly isDistractor: boolean;
}

export interface Sequence {
  readonly name: string;
  readonly dataset: string;
  readonly label: string;
  readonly frames: number;
  readonly fps: number;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly detections: readonly MotRow[];
  readonly truth: readonly TruthRow[];
  /** Areas nobody annotated (KITTI DontCare). */
  readonly ignored: readonly MotRow[];
  /** Unmatched results up to this height are neither right nor wrong (KITTI: 25 px). */
  readonly minHeightPx: number;
}

const PEDESTRIAN = 1;
// person on vehicle, static person, distractor, reflection (MOT17 devkit)
const MOT17_DISTRACTORS = new Set([2, 7, 8, 12]);
// Rows of these classes of KITTI look like the class that is scored.
const KITTI_NEIGHBOUR: Record<string, string> = { car: 'van', pedestrian: 'person' };
const KITTI_SIZE = { fps: 10, widthPx: 1242, heightPx: 375 };
const KITTI_MIN_SCORE = 0.5;

/** Sequences in order of their path. */
export function findSequences(root: string): Sequence[] {
  const found: Sequence[] = [];
  const visit = (folder: string): void => {
    if (existsSync(join(folder, 'gt/gt.txt'))) found.push(...motSequence(folder));
    else if (existsSync(join(folder, 'gt/label_02.txt'))) found.push(...kittiSequences(folder));
    else {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) visit(join(folder, entry.name));
      }
    }
  };
  visit(root);
  return found.sort((a, b) => `${a.dataset}${a.name}`.localeCompare(`${b.dataset}${b.name}`));
}

function motSequence(folder: string): Sequence[] {
  const info = seqInfo(join(folder, 'seqinfo.ini'));
  const files = listText(join(folder, 'det'));
  const file = files.find((name) => name === 'det.txt') ?? files[0];
  if (file === undefined) return [];
  const dataset = basename(dirname(folder));
  const hasClasses = !/^(2D)?MOT(20)?15/.test(dataset);
  const truth = read(join(folder, 'gt/gt.txt')).map((row) => ({
    ...row,
    isTarget: row.score !== 0 && (!hasClasses || row.classId === PEDESTRIAN),
    isDistractor: hasClasses && MOT17_DISTRACTORS.has(row.classId),
  }));
  return [
    {
      name: basename(folder),
      dataset,
      label: 'person',
      frames: Number(info.seqLength),
      fps: Number(info.frameRate),
      widthPx: Number(info.imWidth),
      heightPx: Number(info.imHeight),
      detections: asProbabilities(read(join(folder, 'det', file))),
      truth,
      ignored: [],
      minHeightPx: 0,
    },
  ];
}

function kittiSequences(folder: string): Sequence[] {
  const labels = readFileSync(join(folder, 'gt/label_02.txt'), 'utf8').trim().split('\n');
  const rows = labels.map((line) => kittiRow(line.split(' ')));
  const frames = Math.max(...rows.map((row) => row.frame));
  return Object.entries(KITTI_NEIGHBOUR).flatMap(([label, neighbour]) => {
    const path = join(folder, `det/det_${label}.txt`);
    if (!existsSync(path)) return [];
    const truth = rows
      .filter((row) => row.type === label || row.type === neighbour)
      .map((row) => {
        const isHidden = row.occluded > 2 || row.truncated > 0;
        const isTarget = row.type === label && !isHidden;
        return { ...row, isTarget, isDistractor: !isTarget };
      });
    const detections = read(path).filter((row) => row.score >= KITTI_MIN_SCORE);
    return [
      {
        name: `${basename(folder)}-${label}`,
        dataset: 'KITTI',
        label,
        frames,
        ...KITTI_SIZE,
        detections,
        truth,
        ignored: rows.filter((row) => row.type === 'dontcare'),
        minHeightPx: 25,
      },
    ];
  });
}

interface KittiRow extends MotRow {
  readonly type: string;
  readonly truncated: number;
  readonly occluded: number;
}

function kittiRow(values: readonly string[]): KittiRow {
  const number = (i: number): number => Number(values[i]);
  return {
    frame: number(0) + 1,
    id: number(1),
    type: values[2]!.toLowerCase().replace('person_sitting', 'person'),
    truncated: number(3),
    occluded: number(4),
    left: number(6),
    top: number(7),
    width: number(8) - number(6),
    height: number(9) - number(7),
    score: 1,
    classId: -1,
  };
}

type SeqInfo = Partial<Record<'seqLength' | 'frameRate' | 'imWidth' | 'imHeight', string>>;

function seqInfo(path: string): SeqInfo {
  const pairs = readFileSync(path, 'utf8').matchAll(/^(\w+)=(.*)$/gm);
  return Object.fromEntries([...pairs].map((match) => [match[1]!, match[2]!.trim()]));
}

/** Detectors that deliver margins instead of probabilities (DPM) are squashed. */
function asProbabilities(rows: MotRow[]): MotRow[] {
  if (rows.every((row) => row.score >= 0 && row.score <= 1)) return rows;
  return rows.map((row) => ({ ...row, score: 1 / (1 + Math.exp(-row.score)) }));
}

function read(path: string): MotRow[] {
  return parseMot(readFileSync(path, 'utf8'), path);
}

function listText(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.txt')) : [];
}

/** Every frame that a camera analysed at `fps` would have seen; numbers stay those of the original. */
export function framesAt(sequence: Sequence, fps: number | undefined): number[] {
  const all = Array.from({ length: sequence.frames }, (_, i) => i + 1);
  if (fps === undefined || fps >= sequence.fps) return all;
  const slot = (frame: number): number => Math.floor(((frame - 1) * fps) / sequence.fps + 1e-9);
  return all.filter((frame) => frame === 1 || slot(frame) !== slot(frame - 1));
}
