// Runs the benches and puts what they say into docs/performance.md, between the comments of each section.
//
// npm run bench:publish -- [--only whole-path,peers,…] [--python FILE] [--trixie FOLDER] [--rounds N]. The machine should have
// nothing else to do; a section takes about three minutes. Everything runs as it gets installed (bench/installed.mjs). A figure
// in that file is never typed by hand.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs/performance.md');

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    trixie: { type: 'string' },
    rounds: { type: 'string', default: '2' },
  },
});

type Row = Readonly<Record<string, string | number>>;

interface Section {
  readonly name: string;
  readonly run: () => string;
}

const SECTIONS: readonly Section[] = [
  { name: 'whole-path', run: () => wholePath('yolox-nano') },
  { name: 'whole-path-embedded', run: () => wholePath('vedette-s-int8') },
  {
    name: 'peers',
    run: () =>
      table(
        asJson<{ peers: Row[] }>(
          'bench/peers.ts',
          '--rounds',
          values.rounds,
          '--python',
          values.python,
          ...(values.trixie === undefined ? [] : ['--trixie', values.trixie]),
        ).peers,
      ),
  },
  { name: 'decode', run: () => table(asJson<Row[]>('bench/decode.ts', '--rounds', values.rounds)) },
  { name: 'print-and-motion', run: () => tablesOf('node', 'scripts/build.mjs', 'native-bench') },
  { name: 'density', run: () => ratios('density') },
  { name: 'overload', run: () => ratios('overload') },
  { name: 'ratios', run: () => ratios('decodes,delay,start') },
];

function ratios(only: string): string {
  return table(asJson<Row[]>('bench/ratios.ts', '--only', only));
}

interface WholePath {
  readonly model_mb: number;
  readonly decode_alone: Row;
  readonly inference_alone: Row;
  readonly decode_beside: Row;
  readonly inference_beside: Row;
  readonly whole_path: readonly Row[];
}

function wholePath(model: string): string {
  const args = ['--model', model, '--rounds', values.rounds, '--seconds', '6'];
  const measured = asJson<WholePath>('bench/run.ts', '--cameras', '1,4,16', ...args);
  const parts = [
    { part: 'decode alone, every core', ...measured.decode_alone },
    {
      part: 'inference alone, every core',
      ...measured.inference_alone,
      model_mb: measured.model_mb,
    },
    { part: 'decode beside inference', ...measured.decode_beside },
    { part: 'inference beside decode', ...measured.inference_beside },
  ];
  return `${table(parts)}\n\n${table(measured.whole_path)}`;
}

function asJson<Result>(script: string, ...args: string[]): Result {
  const text = output('node', 'bench/installed.mjs', script, '--json', ...args);
  return JSON.parse(text.slice(text.search(/^[[{]/m))) as Result;
}

function output(command: string, ...args: string[]): string {
  process.stderr.write(`${command} ${args.join(' ')}\n`);
  const { stdout, status } = spawnSync(command, args, {
    ...{ cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 },
    // Compiled once, below.
    env: { ...process.env, VEDETTE_BENCH_BUILT: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
  return stdout;
}

/** Of a build that ran first only the tables are wanted. */
function tablesOf(command: string, ...args: string[]): string {
  const lines = output(command, ...args).split('\n');
  return lines
    .filter((line) => /^(\||\d+p,|$)/.test(line))
    .join('\n')
    .trim();
}

function table(rows: readonly Row[]): string {
  const keys = [...new Set(rows.flatMap(Object.keys))];
  const lines = rows.map((row) => keys.map((key) => cell(row[key])));
  const head = [keys.map((key) => key.replaceAll('_', ' ')), keys.map(() => '---')];
  return [...head, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(value: string | number | undefined): string {
  return typeof value === 'number' ? String(Number(value.toPrecision(3))) : (value ?? '');
}

function replaced(page: string, name: string, text: string): string {
  const begin = `<!-- ${name} -->`;
  const end = `<!-- end of ${name} -->`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${PAGE} lacks the lines ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}

const wanted = values.only?.split(',');
output('node', 'scripts/build.mjs');
for (const { name, run } of SECTIONS) {
  if (wanted !== undefined && !wanted.includes(name)) continue;
  const load = loadavg()[0]!.toFixed(1);
  const text = run();
  const day = new Date().toISOString().slice(0, 10);
  const where = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${day}, load ${load} before`;
  writeFileSync(PAGE, replaced(readFileSync(PAGE, 'utf8'), name, `${where}:\n\n${text}`));
}
