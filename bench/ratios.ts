// Ratios of a running daemon against what the formulas of its parts say: density, decoding beside, overload, delay, start.
//
// node bench/installed.mjs bench/ratios.ts [--model NAME] [--only density,decodes,overload,delay,start] [--seconds N] [--json].
// The daemon is the compiled one in a process of its own, with Mosquitto beside it; each analysed frame is a message.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchModel } from './models.ts';
import { type Bench, measureCosts } from './ratios/costs.ts';
import { decodes } from './ratios/decodes.ts';
import { DENSITY_FPS, delay, density, overload, type Row } from './ratios/live.ts';
import { start } from './ratios/start.ts';
import { streetClip } from './street-clip.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'yolox-nano' },
    only: { type: 'string', default: 'density,decodes,overload,delay,start' },
    seconds: { type: 'string', default: '12' },
    json: { type: 'boolean' },
  },
});

const FPS = 30;
const windowMs = Number(values.seconds) * 1000;
const wanted = values.only.split(',');
const folder = mkdtempSync(join(tmpdir(), 'vedette-ratios-'));

/** The daemon reads the model that `benchModel` found as a configuration says it. */
function section(name: string): Readonly<Record<string, string>> {
  if (name !== 'yolox-nano') return { name };
  const manifest = join(import.meta.dirname, '../test/fixtures/models/yolox-nano.yaml');
  return { path: benchModel(name).path, manifest };
}

async function measure(): Promise<Row[]> {
  const clip = streetClip(folder, { fps: FPS, seconds: 30 });
  const bench: Bench = { clip, model: section(values.model), storage: folder };
  const manifest = benchModel(values.model);
  const rows: Row[] = [];
  const run = async (name: string, of: () => Promise<Row | Row[]>): Promise<void> => {
    if (!wanted.includes(name)) return;
    process.stderr.write(`${name}\n`);
    rows.push(...[await of()].flat());
  };
  const needsCosts = ['density', 'overload', 'delay'].some((name) => wanted.includes(name));
  const costs = needsCosts ? measureCosts(bench, DENSITY_FPS) : undefined;
  const live = () => ({ ...bench, costs: costs!, windowMs });
  await run('density', () => density(live()));
  await run('decodes', () => decodes(clip, manifest, windowMs / 12));
  await run('overload', () => overload(live()));
  await run('delay', () => delay(live()));
  await run('start', () => start(bench, manifest));
  return rows.map((row) => ({ ...row, value: Number(row.value.toPrecision(3)) }));
}

try {
  const rows = await measure();
  if (values.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else console.table(rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
