// Puts the figures where people read them: the table of models/README.md, and models/figures.json for `vedette models`.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FiguresFile } from '../../src/config/model-figures.ts';
import { AgentError } from '../../src/core/errors.ts';
import { type Figures, markdown, means } from './tables.ts';

const MODELS = join(import.meta.dirname, '../../models');
const BEGIN = '<!-- Written by `npm run bench:detect -- --publish`, from here -->';
const END = '<!-- to here. -->';

/** Throws USAGE when the figures are not those of all parts, or when README.md lacks the two comments. */
export function publish(figures: Figures): void {
  const path = join(MODELS, 'README.md');
  const text = readFileSync(path, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new AgentError('USAGE', { problem: `${path} lacks the lines ${BEGIN} and ${END}` });
  }
  const summary = summaryOf(figures);
  const head = text.slice(0, begin + BEGIN.length);
  writeFileSync(path, `${head}\n${markdown(figures)}${text.slice(end)}`);
  writeFileSync(join(MODELS, 'figures.json'), `${JSON.stringify(summary, null, 2)}\n`);
}

function summaryOf({ machine, models, sha256, sets, clip, speed }: Figures): FiguresFile {
  if (sets.length === 0 || clip === undefined || speed.length === 0) {
    throw new AgentError('USAGE', {
      problem: '--publish needs everything: no --only, no --images',
    });
  }
  const entries = models.map((name) => {
    const { recall, precision } = clip.models[name]!;
    const ap50 = sets.map(({ set, models: by }) => [set, rounded(means(by[name]!).ap50 ?? 0)]);
    const { median } = speed.find(({ model }) => model === name)!.cpu_ms;
    const figures = {
      name,
      ap50: Object.fromEntries(ap50),
      tracked: { recall: rounded(recall), precision: rounded(precision) },
      cpu_ms: Number(median.toFixed(1)),
    };
    return [sha256[name]!, figures] as const;
  });
  return { machine, models: Object.fromEntries(entries) };
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
