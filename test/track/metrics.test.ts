// Our scorer against the numbers of an independent one, on short sequences; test/integration/tracking-scores has the rest.
import { describe, expect, test } from 'vitest';
import { findSequences } from '../../bench/track/sequence.ts';
import { motLine, parseMot } from '../../src/track/mot-csv.ts';
import { needsShared, shared } from '../shared.ts';
import { expectSameScores, references } from './reference-scores.ts';

const isAbsent = needsShared('scoring of recorded sequences');

describe.skipIf(isAbsent)('on recorded sequences', () => {
  // TUD-Campus counts every box; MOT17 has distractors, whose matches do not count.
  test.each([
    ['MOT15/TUD-Campus', 4],
    ['MOT17/MOT17-09-FRCNN', 5],
  ])('%s: %i trackers score as elsewhere', (folder, trackers) => {
    const [sequence] = findSequences(shared('tracking', folder));
    const recorded = references().filter((one) => one.sequence === sequence!.name);
    expect(recorded).toHaveLength(trackers);
    for (const reference of recorded) expectSameScores(reference, sequence!);
  });
});

test('tracks survive being written and read in MOT format', () => {
  const row = { frame: 3, id: 7, left: 1.25, top: 2.5, width: 10, height: 20.75, score: 0.875 };
  expect(parseMot(motLine(row), 'x')).toEqual([{ ...row, classId: -1 }]);
  expect(() => parseMot('1,2,3\n', 'bad.txt')).toThrow('bad.txt:1');
});
