// Labelled pictures: COCO annotations on any folder, and the training corpus' validation split.
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import { AgentError, causeText } from '../../src/core/errors.ts';
import type { TruthBox } from './average-precision.ts';

export interface TruthPicture {
  readonly file: string;
  /** Absent where the annotations do not say. */
  readonly widthPx?: number | undefined;
  readonly heightPx?: number | undefined;
  readonly truth: readonly TruthBox[];
  /** Labels that were completed here; for others a missing box means nothing. Undefined: all. */
  readonly complete: ReadonlySet<string> | undefined;
}

export interface TruthSet {
  readonly name: string;
  readonly pictures: readonly TruthPicture[];
  /** Several labels of the models that count as one label of this set, e.g. vehicle: car, bus, truck. */
  readonly merged: ReadonlyMap<string, readonly string[]>;
}

const number = v.pipe(v.number(), v.finite());
const cocoSchema = v.object({
  images: v.pipe(
    v.array(
      v.object({
        id: number,
        file_name: v.string(),
        width: v.optional(number),
        height: v.optional(number),
      }),
    ),
    v.minLength(1, 'no picture'),
  ),
  categories: v.array(v.object({ id: number, name: v.string() })),
  annotations: v.array(
    v.object({
      image_id: number,
      category_id: number,
      bbox: v.tuple([number, number, number, number]),
      area: v.optional(number),
      iscrowd: v.optional(v.number(), 0),
    }),
  ),
});

/**
 * Reads COCO annotations whose pictures lie in `images`; a path in `file_name` is ignored where only its last part is there.
 * Throws USAGE with the place of what is broken or missing.
 */
export function readCoco(
  annotations: string,
  images: string,
  merged: TruthSet['merged'] = new Map(),
  name: string = basename(images) === 'images' ? basename(join(images, '..')) : basename(images),
): TruthSet {
  const result = v.safeParse(cocoSchema, readJson(annotations));
  if (!result.success) {
    const [issue] = result.issues;
    throw problem(`${annotations}: ${v.getDotPath(issue) ?? 'the file'}: ${issue.message}`);
  }
  const { images: rows, categories, annotations: boxes } = result.output;
  const names = new Map(categories.map((category) => [category.id, category.name]));
  const truth = new Map<number, TruthBox[]>(rows.map((row) => [row.id, []]));
  boxes.forEach(({ image_id, category_id, bbox, area, iscrowd }, i) => {
    const label = names.get(category_id);
    const mine = truth.get(image_id);
    if (label === undefined || mine === undefined) {
      const what = mine === undefined ? `image_id ${image_id}` : `category_id ${category_id}`;
      throw problem(`${annotations}: annotations.${i}: nothing has the id of ${what}`);
    }
    mine.push({
      label,
      box: bbox,
      areaPx: area ?? bbox[2] * bbox[3],
      isCrowd: iscrowd !== 0,
    });
  });
  const pictures = rows.map((row) => ({
    file: pictureFile(images, row.file_name, annotations),
    widthPx: row.width,
    heightPx: row.height,
    truth: truth.get(row.id)!,
    complete: undefined,
  }));
  return { name, pictures, merged };
}

interface CorpusRow {
  readonly file: string;
  readonly w: number;
  readonly h: number;
  /** Label, x, y, w, h, score (0: a region in which finds of this label count neither way), source. */
  readonly boxes: readonly (readonly [number, number, number, number, number, number, string])[];
  readonly complete: readonly number[];
}

/** The corpus' validation split; labels without a place in `known` are left out. */
export function readCorpusVal(corpus: string, known: ReadonlySet<string>): TruthSet {
  const folder = join(corpus, 'val');
  const path = join(folder, 'labels.jsonl');
  const names = readJson(join(corpus, 'classes.json'));
  if (!Array.isArray(names)) throw problem(`${corpus}/classes.json: not a list of labels`);
  const lines = readText(path).trimEnd().split('\n');
  const pictures = lines.map((line, i): TruthPicture => {
    const row = parse(line, `${path}:${i + 1}`) as CorpusRow;
    const truth = row.boxes.map(([at, x, y, w, h, score]): TruthBox => {
      return { label: names[at], box: [x, y, w, h], areaPx: w * h, isCrowd: score === 0 };
    });
    return {
      file: pictureFile(folder, row.file, path),
      widthPx: row.w,
      heightPx: row.h,
      truth: truth.filter(({ label }) => known.has(label)),
      complete: new Set(row.complete.map((at): string => names[at])),
    };
  });
  return { name: 'corpus val', pictures, merged: new Map() };
}

export function readJson(path: string): unknown {
  return parse(readText(path), path);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw problem(`cannot read ${path}: ${causeText(error)}`);
  }
}

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw problem(`${place}: broken JSON: ${causeText(error)}`);
  }
}

function pictureFile(folder: string, name: string, annotations: string): string {
  const found = [join(folder, name), join(folder, basename(name))].find(existsSync);
  if (found !== undefined) return found;
  throw problem(`${annotations} names ${name}, which is not in ${folder}`);
}

function problem(text: string): AgentError {
  return new AgentError('USAGE', { problem: text });
}
