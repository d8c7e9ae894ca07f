// The figures of `bench:detect` as Markdown, for people and for models/README.md.
import type { SizeName } from './average-precision.ts';
import type { ClipFigures } from './clip.ts';
import type { LabelFigures, SetFigures } from './score-set.ts';
import type { Cost, Speed } from './speed.ts';

export interface Figures {
  readonly machine: string;
  readonly runtime: string;
  /** The model that the others are compared with. */
  readonly yardstick: string;
  readonly models: readonly string[];
  readonly sha256: Readonly<Record<string, string>>;
  readonly sets: readonly SetFigures[];
  readonly clip?: ClipFigures | undefined;
  readonly speed: readonly Speed[];
}

const SIZES: readonly SizeName[] = ['small', 'medium', 'large'];
/** A label with fewer objects says nothing about a point of AP. */
const ENOUGH_OBJECTS = 20;

export function markdown(figures: Figures): string {
  const parts = [
    figures.sets.length > 0 ? precisionTable(figures) : [],
    int8Loss(figures),
    figures.clip === undefined ? [] : clipTable(figures.clip),
    figures.speed.length > 0 ? speedTable(figures) : [],
    int8Gain(figures),
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n');
}

function precisionTable({ sets, models, yardstick }: Figures): string[] {
  const others = models.filter((name) => name !== yardstick);
  const sized = others[0] ?? yardstick;
  const names = [yardstick, ...others];
  const lines = [
    `| set | class | objects | ${names.join(' | ')} | ${sized} small / medium / large |`,
    `|---|---|---|${'---|'.repeat(names.length + 1)}`,
  ];
  for (const { set, models: byModel } of sets) {
    const labels = Object.keys(byModel[yardstick]!);
    for (const label of labels) {
      const of = (name: string): LabelFigures => byModel[name]![label]!;
      const cells = names.map((name) => cell(of(name).all, of(yardstick).all, name === yardstick));
      const bySize = SIZES.map((size) => percent(of(sized)[size].ap50, 0)).join(' / ');
      const { objects } = of(yardstick).all;
      lines.push(`| ${set} | ${label} | ${objects} | ${cells.join(' | ')} | ${bySize} |`);
    }
    if (labels.length < 2) continue;
    const base = means(byModel[yardstick]!);
    const cells = names.map((name) => cell(means(byModel[name]!), base, name === yardstick));
    lines.push(`| ${set} | **mean** | | ${cells.join(' | ')} | |`);
  }
  return lines;
}

interface Pair {
  readonly ap50: number | null;
  readonly ap: number | null;
}

/** `AP50 / AP50:95 (share of the yardstick's AP50)`, per cent. */
function cell(mine: Pair, base: Pair, isBase: boolean): string {
  const text = `${percent(mine.ap50)} / ${percent(mine.ap)}`;
  if (isBase || mine.ap50 === null || base.ap50 === null || base.ap50 < 0.01) return text;
  return `${text} (${(mine.ap50 / base.ap50).toFixed(2)})`;
}

export function means(labels: Readonly<Record<string, LabelFigures>>): Pair {
  const all = Object.values(labels).map((figures) => figures.all);
  const mean = (key: 'ap50' | 'ap'): number =>
    all.reduce((sum, figures) => sum + (figures[key] ?? 0), 0) / all.length;
  return { ap50: mean('ap50'), ap: mean('ap') };
}

/** Where both precisions of a model are there: what the eight bits cost. */
function int8Loss({ sets, models }: Figures): string[] {
  return models
    .filter((name) => name.endsWith('-int8'))
    .flatMap((int8) => {
      const fp32 = int8.replace(/-int8$/, '-fp32');
      if (!models.includes(fp32) || sets.length === 0) return [];
      const perSet = sets.map(({ set, models: by }) => {
        const loss = points(means(by[fp32]!).ap50, means(by[int8]!).ap50);
        return `${set} ${signed(loss)}`;
      });
      const losses = sets.flatMap(({ set, models: by }) =>
        Object.entries(by[fp32]!)
          .filter(([, figures]) => figures.all.objects >= ENOUGH_OBJECTS)
          .map(([label, figures]) => ({
            what: `${label} of ${set}`,
            loss: points(figures.all.ap50, by[int8]![label]!.all.ap50),
          })),
      );
      const worst = losses.sort((a, b) => b.loss - a.loss)[0];
      const most =
        worst &&
        `; most on a class with ${ENOUGH_OBJECTS} objects: ${worst.what}, ${signed(worst.loss)}`;
      return [
        `AP50 points that INT8 loses against FP32, means: ${perSet.join(', ')}${most ?? ''}.`,
      ];
    });
}

function clipTable({ clip, fps, frames, persons, models }: ClipFigures): string[] {
  return [
    `| after tracking, ${clip} at ${fps} frames/s, ${persons} persons in ${frames} frames, IoU 0.5 | recall | precision | right / wrong | \`low_score\` / \`high_score\` / \`new_score\` |`,
    '|---|---|---|---|---|',
    ...Object.entries(models).map(
      ([name, { recall, precision, right, wrong, ...scores }]) =>
        `| ${name} | ${recall.toFixed(2)} | ${precision.toFixed(2)} | ${right} / ${wrong} | ${scores.low_score} / ${scores.high_score} / ${scores.new_score} |`,
    ),
  ];
}

function speedTable({ speed, yardstick, machine, runtime }: Figures): string[] {
  const base = speed.find(({ model }) => model === yardstick)!;
  return [
    `| one inference, 1 thread, ${machine}, ${runtime} | input | CPU ms, median (core alone) | ms passed, median (core alone) | times as fast as ${yardstick} |`,
    '|---|---|---|---|---|',
    ...speed.map(({ model, input, cpu_ms: cpu, wall_ms: wall }) => {
      const ratio = (base.cpu_ms.median / cpu.median).toFixed(2);
      return `| ${model} | ${input} | ${ms(cpu)} | ${ms(wall)} | ${ratio} |`;
    }),
  ];
}

/** Where both precisions of a model are there: what the eight bits give. */
function int8Gain({ speed }: Figures): string[] {
  return speed.flatMap(({ model, cpu_ms: int8 }) => {
    const floats = model.endsWith('-int8') ? model.replace(/-int8$/, '-fp32') : undefined;
    const fp32 = speed.find((other) => other.model === floats)?.cpu_ms;
    if (!fp32) return [];
    const times = (fp32.alone / int8.alone).toFixed(2);
    const shared = (fp32.median / int8.median).toFixed(2);
    return [`INT8 is ${times} times as fast as FP32 on a core alone, ${shared} times by medians.`];
  });
}

function ms({ median, alone }: Cost): string {
  return `${median.toFixed(1)} (${alone.toFixed(1)})`;
}

function points(before: number | null, after: number | null): number {
  return 100 * ((before ?? 0) - (after ?? 0));
}

function signed(value: number): string {
  return value.toFixed(1).replace(/^-0\.0$/, '0.0');
}

function percent(share: number | null, digits = 1): string {
  return share === null ? '-' : (100 * share).toFixed(digits);
}
