// `npm run bench:track`: how well the trackers follow, on folders in MOTChallenge or KITTI layout.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { motLine } from '../src/track/mot-csv.ts';
import { DEFAULT_TRACKING, type TrackerName } from '../src/track/tracking-config.ts';
import { budgetTable } from './track/budget.ts';
import { compare } from './track/compare.ts';
import { type Scores, score } from './track/metrics.ts';
import { runTracker } from './track/run-tracker.ts';
import { findSequences, framesAt, type Sequence } from './track/sequence.ts';
import { crowd, memory } from './track/stress.ts';

const HELP = `npm run bench:track -- [--dir DIR] [--tracker byte_track|oc_sort] [--fps N] [--only TEXT] [--budget SHARE] [--write DIR] [--stress] [--json]

  --dir      folder with sequences in MOTChallenge or KITTI layout (default ../shared/tracking)
  --tracker  score one tracker only
  --fps      analyse this many frames per second and score those
  --only     sequences whose dataset/name contains TEXT
  --set      KEY=NUMBER of the tracking section, may be repeated
  --budget   SHARE: all sequences at once, so many of their frames analysed; whose, the scheduler decides
  --stress   time per frame with 200 tracks, and memory over a million frames (needs node --expose-gc)
  --write    also write the tracks there, one MOTChallenge file per sequence
`;

interface Line extends Scores {
  readonly tracker: string;
  readonly dataset: string;
  readonly sequence: string;
  readonly ms_per_frame: number;
}

const { values } = parseArgs({
  options: {
    dir: { type: 'string', default: join(import.meta.dirname, '../../shared/tracking') },
    tracker: { type: 'string' },
    fps: { type: 'string' },
    only: { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    write: { type: 'string' },
    budget: { type: 'string' },
    stress: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function main(): void {
  if (values.help) {
    console.log(HELP);
    return;
  }
  const names = values.tracker === undefined ? ['byte_track', 'oc_sort'] : [values.tracker];
  if (values.stress) {
    for (const name of names as TrackerName[]) {
      console.log(JSON.stringify({ tracker: name, crowd: crowd(name) }));
      if (globalThis.gc !== undefined) console.log(JSON.stringify(memory(name)));
    }
    return;
  }
  if (!existsSync(values.dir)) {
    console.error(`bench:track: no folder ${values.dir}; name one with --dir`);
    process.exitCode = 2;
    return;
  }
  const only = values.only ?? '';
  const sequences = findSequences(values.dir).filter((one) =>
    `${one.dataset}/${one.name}`.includes(only),
  );
  if (values.budget !== undefined) {
    const budget = Number(values.budget);
    for (const name of names) {
      const config = { ...DEFAULT_TRACKING, tracker: name as TrackerName, ...overrides() };
      console.log(budgetTable(name, sequences, config, budget));
    }
    return;
  }
  const lines = names.flatMap((name) => sequences.map((sequence) => bench(name, sequence)));
  if (values.json) console.log(JSON.stringify(lines, null, 2));
  else print(lines);
}

function bench(tracker: string, sequence: Sequence): Line {
  const config = { ...DEFAULT_TRACKING, tracker: tracker as TrackerName, ...overrides() };
  const frames = framesAt(sequence, values.fps === undefined ? undefined : Number(values.fps));
  const { rows, msPerFrame } = runTracker(sequence, config, frames);
  if (values.write !== undefined) {
    const folder = join(values.write, tracker);
    mkdirSync(folder, { recursive: true });
    const text = rows.map((row) => `${motLine(row)}\n`).join('');
    writeFileSync(join(folder, `${sequence.name}.txt`), text);
  }
  const scores = score(compare(sequence, rows, frames));
  return {
    tracker,
    dataset: sequence.dataset,
    sequence: sequence.name,
    ...scores,
    ms_per_frame: msPerFrame,
  };
}

function overrides(): Record<string, number> {
  const pairs = values.set.map((pair) => pair.split('=') as [string, string]);
  return Object.fromEntries(pairs.map(([key, value]) => [key, Number(value)]));
}

function print(lines: readonly Line[]): void {
  const columns = ['HOTA', 'DetA', 'AssA', 'MOTA', 'IDF1', 'IDSW', 'ms_per_frame'] as const;
  console.log(
    '| tracker | dataset | sequence | HOTA | DetA | AssA | MOTA | IDF1 | IDSW | ms/frame |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  const row = (head: string, of: (column: (typeof columns)[number]) => number): void => {
    console.log(`| ${head} | ${columns.map((column) => of(column).toFixed(2)).join(' | ')} |`);
  };
  for (const line of lines) {
    row(`${line.tracker} | ${line.dataset} | ${line.sequence}`, (column) => line[column]);
  }
  const groups = groupBy(lines, (line) => `${line.tracker} | ${line.dataset}`);
  for (const [head, group] of groups) {
    row(
      `${head} | mean`,
      (column) => group.reduce((sum, line) => sum + line[column], 0) / group.length,
    );
  }
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

main();
