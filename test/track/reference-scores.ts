// Scores of other trackers as an independent scorer gave them, and ours on the same files.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { compare } from '../../bench/track/compare.ts';
import { type Scores, score } from '../../bench/track/metrics.ts';
import { framesAt, type Sequence } from '../../bench/track/sequence.ts';
import { parseMot } from '../../src/track/mot-csv.ts';
import { shared } from '../shared.ts';

export interface Reference {
  readonly tracker: string;
  readonly sequence: string;
  readonly scores: Partial<Scores>;
}

const COLUMNS = ['HOTA', 'DetA', 'AssA', 'MOTA', 'MOTP', 'IDF1', 'TP', 'FP', 'FN', 'IDSW'] as const;
const ROW = /^\| (\w+) \| (MOT17-\S+|TUD-Campus|dancetrack\d+) \|((?: [-\d.]+ \|){10})$/gm;

/** Of MOTChallenge and DanceTrack sequences; KITTI's table has other columns. */
export function references(): Reference[] {
  const rows = readFileSync(shared('EXPECTED.md'), 'utf8').matchAll(ROW);
  return [...rows].map(([, tracker, sequence, numbers]) => {
    const values = numbers!.split('|').map(Number);
    return {
      tracker: tracker!,
      sequence: sequence!,
      scores: Object.fromEntries(COLUMNS.map((column, i) => [column, values[i]!])),
    };
  });
}

/** Scores the recorded tracks of a reference and expects every score within 0.1, every count equal. */
export function expectSameScores(reference: Reference, sequence: Sequence): void {
  const folder = reference.tracker === 'Lif_T' ? 'scorer-check' : 'ref_outputs';
  const file = join(shared('tracking'), folder, reference.tracker, `${reference.sequence}.txt`);
  expect(existsSync(file)).toBe(true);
  const rows = parseMot(readFileSync(file, 'utf8'), file);
  const got = score(compare(sequence, rows, framesAt(sequence, undefined)));
  for (const [column, value] of Object.entries(reference.scores)) {
    const isCount = ['TP', 'FP', 'FN', 'IDSW'].includes(column);
    if (isCount) expect(got[column as keyof Scores]).toBe(value);
    else expect(Math.abs(got[column as keyof Scores] - value)).toBeLessThan(0.1);
  }
}
