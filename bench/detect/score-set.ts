// Scores several models on one set of labelled pictures.
import type { Detection } from '../../src/contracts/detection.ts';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { AgentError } from '../../src/core/errors.ts';
import {
  averagePrecision,
  type FoundBox,
  type LabelledPicture,
  type Precision,
  type SizeName,
} from './average-precision.ts';
import type { Detector } from './detector.ts';
import { decodePicture } from './pictures.ts';
import type { Progress } from './progress.ts';
import type { TruthPicture, TruthSet } from './truth.ts';

/** Average precision needs the unsure end of the list as well; COCO's own figures are made from about here on. */
const LEAST_SCORE = 0.01;

export type LabelFigures = Readonly<Record<SizeName, Precision>>;

export interface SetFigures {
  readonly set: string;
  readonly pictures: number;
  /** Of the set's labels, those that have objects and no model could score. */
  readonly unscored: readonly string[];
  /** By model, then by label. */
  readonly models: Readonly<Record<string, Readonly<Record<string, LabelFigures>>>>;
}

/** Each picture is decoded once and shown to every detector. Labels that not all models know are left out. */
export async function scoreSet(
  set: TruthSet,
  detectors: readonly Detector[],
  progress: Progress,
): Promise<SetFigures> {
  const manifests = detectors.map((detector) => detector.manifest);
  const { labels, unscored } = sharedLabels(set, manifests);
  const judged = detectors.map(() => new Map(labels.map((label) => [label, emptyList()])));
  progress.begin(set.name, set.pictures.length);
  for (const picture of set.pictures) {
    const pixels = await decodePicture(picture);
    for (const [i, detector] of detectors.entries()) {
      const found = toPixels(await detector.detect(pixels, LEAST_SCORE), pixels, set);
      for (const [label, pictures] of judged[i]!) {
        if (picture.complete?.has(label) === false) continue;
        pictures.push(ofLabel(label, picture, found));
      }
    }
    progress.step();
  }
  const models = manifests.map(({ name }, i) => {
    const figures = [...judged[i]!].map(([label, pictures]) => [label, averagePrecision(pictures)]);
    return [name, Object.fromEntries(figures)];
  });
  const { name, pictures } = set;
  if (unscored.length > 0) {
    progress.note(
      `${name}: labels that not every model tells are left out: ${unscored.join(', ')}`,
    );
  }
  return { set: name, pictures: pictures.length, unscored, models: Object.fromEntries(models) };
}

/** Throws USAGE when the models know none of the set's labels, or when a merge names one that is not there. */
export function sharedLabels(
  set: TruthSet,
  manifests: readonly ModelManifest[],
): { labels: string[]; unscored: string[] } {
  const counts = new Map<string, number>();
  for (const { label, isCrowd } of set.pictures.flatMap((picture) => picture.truth)) {
    counts.set(label, (counts.get(label) ?? 0) + (isCrowd ? 0 : 1));
  }
  const present = [...counts].filter(([, objects]) => objects > 0).map(([label]) => label);
  for (const [target, sources] of set.merged) {
    if (!counts.has(target)) throw unknown(`no object of ${set.name} is called ${target}`, counts);
    for (const { name, labels } of manifests) {
      const strange = sources.find((source) => !labels.includes(source));
      if (strange !== undefined) throw unknown(`${name} does not tell ${strange}`, labels);
    }
  }
  const isShared = (label: string): boolean =>
    set.merged.has(label) || manifests.every(({ labels }) => labels.includes(label));
  const order = manifests[0]!.labels;
  const labels = present.filter(isShared).sort((a, b) => order.indexOf(a) - order.indexOf(b));
  if (labels.length > 0) return { labels, unscored: present.filter((label) => !isShared(label)) };
  const names = manifests.map(({ name }) => name).join(' and ');
  const text = `${set.name} and ${names} share no label; the set has ${present.join(', ')}`;
  throw new AgentError('USAGE', {
    problem: `${text}. Join them by name: --map ${present[0] ?? 'vehicle'}=${order.slice(0, 2).join(',')}`,
  });
}

function unknown(problem: string, known: Iterable<unknown>): AgentError {
  const names = [...known].map((entry) => (Array.isArray(entry) ? entry[0] : entry));
  return new AgentError('USAGE', { problem: `--map: ${problem}; there are: ${names.join(', ')}` });
}

function toPixels(
  detections: readonly Detection[],
  { widthPx, heightPx }: { readonly widthPx: number; readonly heightPx: number },
  { merged }: TruthSet,
): FoundBox[] {
  return detections.map(({ label, score, box: [x, y, w, h] }) => {
    const target = [...merged].find(([, sources]) => sources.includes(label));
    const box = [x * widthPx, y * heightPx, w * widthPx, h * heightPx] as const;
    return { label: target?.[0] ?? label, score, box };
  });
}

function ofLabel(
  label: string,
  picture: TruthPicture,
  found: readonly FoundBox[],
): LabelledPicture {
  return {
    truth: picture.truth.filter((one) => one.label === label),
    found: found.filter((one) => one.label === label),
  };
}

function emptyList(): LabelledPicture[] {
  return [];
}
