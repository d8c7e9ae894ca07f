// The scorer on every recorded sequence, and the trackers against the scores of the reference implementations.
import { describe, expect, test } from 'vitest';
import { compare } from '../../bench/track/compare.ts';
import { type Scores, score } from '../../bench/track/metrics.ts';
import { runTracker } from '../../bench/track/run-tracker.ts';
import { findSequences, framesAt, type Sequence } from '../../bench/track/sequence.ts';
import { DEFAULT_TRACKING, type TrackerName } from '../../src/track/tracking-config.ts';
import { needsShared, shared } from '../shared.ts';
import { expectSameScores, type Reference, references } from '../track/reference-scores.ts';

const isAbsent = needsShared('tracking of recorded sequences');

describe.skipIf(isAbsent)('on recorded sequences', () => {
  const sequences: Sequence[] = isAbsent ? [] : findSequences(shared('tracking'));
  const table: Reference[] = isAbsent ? [] : references();
  const recorded = table.filter((one) => !one.sequence.startsWith('dancetrack'));

  test('the table of reference scores was found', () => {
    expect(recorded).toHaveLength(24);
  });

  test.each(recorded.map((one) => [one.tracker, one.sequence, one] as const))(
    '%s on %s: every score within 0.1, every count equal',
    (_, name, reference) => {
      expectSameScores(reference, sequences.find((one) => one.name === name)!);
    },
  );

  test.each([
    ['byte_track', 'byte', 'MOT17', 1.5],
    ['oc_sort', 'ocsort', 'MOT17', 1.5],
    ['byte_track', 'byte', 'DanceTrack-simdet', 8],
    ['oc_sort', 'ocsort', 'DanceTrack-simdet', 8],
  ] as const)(
    '%s scores at least the HOTA and MOTA of %s on %s, and at 5 fps at most %d HOTA less',
    (tracker, name, dataset, loss) => {
      const used = sequences.filter((one) => one.dataset === dataset);
      const theirs = meanOf(
        used.map(
          (one) => table.find((row) => row.tracker === name && row.sequence === one.name)!.scores,
        ),
      );
      const full = scoresAt(tracker, used, undefined);
      const slow = scoresAt(tracker, used, 5);
      expect(full.HOTA).toBeGreaterThanOrEqual(theirs.HOTA);
      expect(full.MOTA).toBeGreaterThanOrEqual(theirs.MOTA);
      expect(full.HOTA - slow.HOTA).toBeLessThanOrEqual(loss);
      // Where every frame brings so much more, a fifth of the frames is still enough for their score.
      if (loss > 5) expect(slow.HOTA).toBeGreaterThanOrEqual(theirs.HOTA);
    },
  );

  test('oc_sort scores at least the HOTA of ocsort on TUD-Campus', () => {
    const used = sequences.filter((one) => one.name === 'TUD-Campus');
    const [theirs] = table.filter(
      (row) => row.tracker === 'ocsort' && row.sequence === 'TUD-Campus',
    );
    expect(scoresAt('oc_sort', used, undefined).HOTA).toBeGreaterThanOrEqual(theirs!.scores.HOTA!);
  });
});

type Main = Pick<Scores, 'HOTA' | 'MOTA'>;

function scoresAt(
  tracker: TrackerName,
  sequences: readonly Sequence[],
  fps: number | undefined,
): Main {
  const config = { ...DEFAULT_TRACKING, tracker };
  return meanOf(
    sequences.map((sequence) => {
      const frames = framesAt(sequence, fps);
      return score(compare(sequence, runTracker(sequence, config, frames).rows, frames));
    }),
  );
}

function meanOf(scores: readonly Partial<Main>[]): Main {
  return {
    HOTA: mean(scores.map((one) => one.HOTA!)),
    MOTA: mean(scores.map((one) => one.MOTA!)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
