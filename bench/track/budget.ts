// What tracking keeps when only a share of the frames of several cameras can be analysed, by who chooses them.
import type { Track } from '../../src/contracts/track.ts';
import { attentionTo } from '../../src/pipeline/attention.ts';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import type { MotRow } from '../../src/track/mot-csv.ts';
import type { TrackingConfig } from '../../src/track/tracking-config.ts';
import { compare } from './compare.ts';
import { score } from './metrics.ts';
import { detectionsByFrame, frameOf, isShown } from './run-tracker.ts';
import type { Sequence } from './sequence.ts';

interface Analysed {
  readonly sequence: Sequence;
  readonly numbers: readonly number[];
}

type Choice = 'all' | 'evenly' | 'scheduled';

interface Row {
  readonly name: string;
  readonly share: number;
  readonly analysed: number;
  readonly everywhere: number;
}

/**
 * A Markdown table of HOTA per sequence. `analysed`: on the frames that were analysed; `everywhere`: on every frame,
 * what is shown moved on at their last known velocity through those that were not, as an overlay would.
 */
export function budgetTable(
  tracker: string,
  sequences: readonly Sequence[],
  config: TrackingConfig,
  budget: number,
): string {
  const choices: Choice[] = ['all', 'evenly', 'scheduled'];
  const columns = choices.map((choice) =>
    chosen(choice, sequences, config, budget).map((one) => scored(one, config)),
  );
  const lines = [
    `| ${tracker} | ${choices.map((choice) => `${choice}: share | analysed | everywhere`).join(' | ')} |`,
    `|---|${'---|'.repeat(9)}`,
    ...sequences.map((sequence, i) =>
      line(
        sequence.name,
        columns.map((rows) => rows[i]!),
      ),
    ),
    line('mean', columns.map(mean)),
  ];
  return lines.join('\n');
}

function line(name: string, rows: readonly Row[]): string {
  const cells = rows.map((row) =>
    [row.share, row.analysed, row.everywhere].map((value) => value.toFixed(2)).join(' | '),
  );
  return `| ${name} | ${cells.join(' | ')} |`;
}

function mean(rows: readonly Row[]): Row {
  const of = (pick: (row: Row) => number): number =>
    rows.reduce((sum, row) => sum + pick(row), 0) / rows.length;
  return {
    name: 'mean',
    share: of((row) => row.share),
    analysed: of((row) => row.analysed),
    everywhere: of((row) => row.everywhere),
  };
}

function chosen(
  choice: Choice,
  sequences: readonly Sequence[],
  config: TrackingConfig,
  budget: number,
): Analysed[] {
  if (choice === 'scheduled') return scheduled(sequences, config, budget);
  const step = choice === 'all' ? 1 : 1 / budget;
  return sequences.map((sequence) => {
    const count = Math.ceil(sequence.frames / step);
    return { sequence, numbers: Array.from({ length: count }, (_, i) => 1 + Math.floor(i * step)) };
  });
}

/** All sequences play at once; each offered frame pays for `budget` of an analysis, and no credit is hoarded. */
function scheduled(
  sequences: readonly Sequence[],
  config: TrackingConfig,
  budget: number,
): Analysed[] {
  const scheduler = new Scheduler();
  const cameras = new Map(
    sequences.map((sequence) => {
      const wish = { fps: sequence.fps, idleFps: 0.25, minFps: 1, priority: 1 };
      scheduler.setCamera(sequence.name, wish);
      const tracker = createTracker(config, { idFor: () => '' });
      return [
        sequence.name,
        { sequence, tracker, found: detectionsByFrame(sequence), numbers: [] as number[] },
      ];
    }),
  );
  const frames = sequences
    .flatMap((sequence) =>
      Array.from({ length: sequence.frames }, (_, i) => frameOf(sequence, i + 1)),
    )
    .sort((a, b) => a.arrivedMs - b.arrivedMs);
  let credit = 1;
  for (const offered of frames) {
    scheduler.offer(offered);
    credit = Math.min(1 + budget, credit + budget);
    if (credit < 1) continue;
    const frame = scheduler.take(offered.arrivedMs);
    if (frame === undefined) continue;
    credit -= 1;
    const { sequence, tracker, found, numbers } = cameras.get(frame.camera)!;
    numbers.push(frame.sequence);
    const tracks = tracker.update(frame, found.get(frame.sequence) ?? []);
    scheduler.attend(frame.camera, attentionTo(tracks, sequence.fps));
  }
  return [...cameras.values()];
}

function scored({ sequence, numbers }: Analysed, config: TrackingConfig): Row {
  const found = detectionsByFrame(sequence);
  let count = 0;
  const tracker = createTracker(config, { idFor: () => String(++count) });
  const analysed: MotRow[] = [];
  const everywhere: MotRow[] = [];
  const isChosen = new Set(numbers);
  let known: readonly Track[] = [];
  let last = 1;
  const all = Array.from({ length: sequence.frames }, (_, i) => i + 1);
  for (const number of all) {
    if (isChosen.has(number)) {
      const { tracks } = tracker.update(frameOf(sequence, number), found.get(number) ?? []);
      known = tracks.filter(isShown);
      last = number;
    }
    const rows = known.map((track) =>
      rowAt(sequence, track, number, (number - last) / sequence.fps),
    );
    everywhere.push(...rows);
    if (number === last) analysed.push(...rows);
  }
  return {
    name: sequence.name,
    share: numbers.length / sequence.frames,
    analysed: score(compare(sequence, analysed, numbers)).HOTA,
    everywhere: score(compare(sequence, everywhere, all)).HOTA,
  };
}

function rowAt(
  { widthPx, heightPx }: Sequence,
  track: Track,
  frame: number,
  afterS: number,
): MotRow {
  const [x, y, w, h] = track.box;
  return {
    frame,
    id: Number(track.id),
    left: (x + track.velocity[0] * afterS) * widthPx,
    top: (y + track.velocity[1] * afterS) * heightPx,
    width: w * widthPx,
    height: h * heightPx,
    score: track.score,
    classId: -1,
  };
}
