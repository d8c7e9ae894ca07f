// Our scorer against the numbers of an independent one, on tracks that we did not make.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compare } from '../../bench/track/compare.ts';
import { type Scores, score } from '../../bench/track/metrics.ts';
import { runTracker } from '../../bench/track/run-tracker.ts';
import { findSequences, framesAt, type Sequence } from '../../bench/track/sequence.ts';
import { motLine, parseMot } from '../../src/track/mot-csv.ts';
import { DEFAULT_TRACKING } from '../../src/track/tracking-config.ts';
import { needsShared, shared } from '../shared.ts';

const isAbsent = needsShared('scoring of recorded sequences');

interface Reference {
  readonly tracker: string;
  readonly sequence: string;
  readonly scores: Partial<Scores>;
}

const COLUMNS = ['HOTA', 'DetA', 'AssA', 'MOTA', 'MOTP', 'IDF1', 'TP', 'FP', 'FN', 'IDSW'] as const;

function references(text: string): Reference[] {
  const rows = text.matchAll(/^\| (\w+) \| (MOT17-\S+|TUD-Campus) \|((?: [-\d.]+ \|){10})$/gm);
  return [...rows].map(([, tracker, sequence, numbers]) => {
    const values = numbers!.split('|').map(Number);
    return {
      tracker: tracker!,
      sequence: sequence!,
      scores: Object.fromEntries(COLUMNS.map((column, i) => [column, values[i]!])),
    };
  });
}

function trackFile(root: string, { tracker, sequence }: Reference): string {
  const folder = tracker === 'Lif_T' ? 'scorer-check' : 'ref_outputs';
  return join(root, folder, tracker, `${sequence}.txt`);
}

describe.skipIf(isAbsent)('on recorded sequences', () => {
  const root = shared('tracking');
  const table = isAbsent ? [] : references(readFileSync(shared('EXPECTED.md'), 'utf8'));
  const sequences: Sequence[] = isAbsent ? [] : findSequences(root);

  test('the table of reference scores was found', () => {
    expect(table.length).toBeGreaterThanOrEqual(24);
  });

  test.each(table.map((one) => [one.tracker, one.sequence, one] as const))(
    '%s on %s: every score within 0.1, every count equal',
    (_, name, reference) => {
      const file = trackFile(root, reference);
      expect(existsSync(file)).toBe(true);
      const sequence = sequences.find((one) => one.name === name)!;
      const rows = parseMot(readFileSync(file, 'utf8'), file);
      const got = score(compare(sequence, rows, framesAt(sequence, undefined)));
      for (const [column, value] of Object.entries(reference.scores)) {
        expect(got[column as keyof Scores]).toBeCloseTo(value, value === Math.trunc(value) ? 0 : 1);
      }
    },
  );

  test.each(['byte_track', 'oc_sort'] as const)(
    '%s scores at least the reference HOTA on MOT17, and at 5 fps at most 5 points less',
    (tracker) => {
      const name = tracker === 'byte_track' ? 'byte' : 'ocsort';
      const config = { ...DEFAULT_TRACKING, tracker };
      const mot17 = sequences.filter((one) => one.dataset === 'MOT17');
      const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length;
      const hotaAt = (fps: number | undefined): number =>
        mean(
          mot17.map((sequence) => {
            const frames = framesAt(sequence, fps);
            return score(compare(sequence, runTracker(sequence, config, frames).rows, frames)).HOTA;
          }),
        );
      const reference = mean(
        table
          .filter((one) => one.tracker === name && one.sequence.startsWith('MOT17'))
          .map((one) => one.scores.HOTA!),
      );
      const full = hotaAt(undefined);
      expect(full).toBeGreaterThanOrEqual(reference);
      expect(full - hotaAt(5)).toBeLessThanOrEqual(5);
    },
    60_000,
  );
});

test('tracks survive being written and read in MOT format', () => {
  const row = { frame: 3, id: 7, left: 1.25, top: 2.5, width: 10, height: 20.75, score: 0.875 };
  expect(parseMot(motLine(row), 'x')).toEqual([{ ...row, classId: -1 }]);
  expect(() => parseMot('1,2,3\n', 'bad.txt')).toThrow('bad.txt:1');
});
