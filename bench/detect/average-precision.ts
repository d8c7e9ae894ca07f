// Average precision as COCO defines it (the numbers of pycocotools' COCOeval, type bbox), for one label at a time.

/** `[x, y, w, h]` in pixels of the picture. */
export type PixelBox = readonly [x: number, y: number, w: number, h: number];

export interface TruthBox {
  readonly label: string;
  readonly box: PixelBox;
  /** What decides its size class: COCO's area is that of the outline, not of the box. */
  readonly areaPx: number;
  /** A region in which finds count neither way. */
  readonly isCrowd: boolean;
}

export interface FoundBox {
  readonly label: string;
  readonly box: PixelBox;
  readonly score: number;
}

/** Truth and finds of one label in one picture. */
export interface LabelledPicture {
  readonly truth: readonly TruthBox[];
  readonly found: readonly FoundBox[];
}

export interface Precision {
  /** Objects that could be found; crowds and other sizes are none. */
  readonly objects: number;
  /** 0..1; null where there is no object. */
  readonly ap50: number | null;
  /** Mean over the IoU thresholds 0.50, 0.55 … 0.95. */
  readonly ap: number | null;
}

export type SizeName = 'all' | 'small' | 'medium' | 'large';

/** Areas in pixels of the picture, both ends inclusive. */
const SIZES: Readonly<Record<SizeName, readonly [least: number, most: number]>> = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
};
const MOST_FINDS = 100;
/** As numpy's linspace computes them, to the last bit: a find may lie exactly on a threshold. */
const IOUS = steps(0.5, 0.95, 9);
const RECALLS = steps(0, 1, 100);

export function averagePrecision(
  pictures: readonly LabelledPicture[],
): Record<SizeName, Precision> {
  const overlapped = pictures.map(withOverlaps);
  const of = (size: SizeName): Precision => ofSize(overlapped, size);
  return { all: of('all'), small: of('small'), medium: of('medium'), large: of('large') };
}

/** How finds at one threshold meet the truth: what recall and precision count. What is ignored is in none of the three. */
export interface Verdict {
  readonly right: readonly FoundBox[];
  readonly wrong: readonly FoundBox[];
  readonly missed: readonly TruthBox[];
}

export function judgeFinds(picture: LabelledPicture, minIou: number): Verdict {
  const overlapped = withOverlaps(picture);
  const { marks, missed } = judge(overlapped, minIou, SIZES.all);
  const of = (isRight: boolean): FoundBox[] =>
    overlapped.found.filter((_, i) => !marks[i]!.isIgnored && marks[i]!.isRight === isRight);
  return { right: of(true), wrong: of(false), missed };
}

interface Overlapped {
  readonly truth: readonly TruthBox[];
  /** Strongest first, at most 100. */
  readonly found: readonly FoundBox[];
  /** Of each find with each truth. */
  readonly ious: readonly (readonly number[])[];
}

interface Mark {
  readonly score: number;
  readonly isRight: boolean;
  readonly isIgnored: boolean;
}

function withOverlaps({ truth, found }: LabelledPicture): Overlapped {
  const strongest = found.toSorted((a, b) => b.score - a.score).slice(0, MOST_FINDS);
  return {
    truth,
    found: strongest,
    ious: strongest.map((find) => truth.map((one) => overlap(find.box, one.box, one.isCrowd))),
  };
}

function ofSize(pictures: readonly Overlapped[], size: SizeName): Precision {
  const perIou = IOUS.map((minIou) => {
    const judged = pictures.map((picture) => judge(picture, minIou, SIZES[size]));
    const objects = judged.reduce((sum, one) => sum + one.objects, 0);
    const marks = judged.flatMap((one) => one.marks).filter((mark) => !mark.isIgnored);
    return { objects, ap: objects === 0 ? null : area(marks, objects) };
  });
  const { objects, ap: ap50 } = perIou[0]!;
  const ap =
    objects === 0 ? null : perIou.reduce((sum, one) => sum + (one.ap ?? 0), 0) / perIou.length;
  return { objects, ap50, ap };
}

/** Each find takes the free object it overlaps most; only when there is none, an object that is ignored. */
function judge(
  { truth, found, ious }: Overlapped,
  minIou: number,
  [least, most]: readonly [number, number],
): { marks: Mark[]; objects: number; missed: TruthBox[] } {
  const isIgnored = truth.map((one) => one.isCrowd || one.areaPx < least || one.areaPx > most);
  const isTaken = truth.map(() => false);
  const marks = found.map(({ score, box }, i): Mark => {
    const free = (k: number): boolean => !isTaken[k] || truth[k]!.isCrowd;
    const best = (ignored: boolean): number => {
      let at = -1;
      let iou = Math.min(minIou, 1 - 1e-10);
      for (let k = 0; k < truth.length; k++) {
        if (isIgnored[k] !== ignored || !free(k) || ious[i]![k]! < iou) continue;
        iou = ious[i]![k]!;
        at = k;
      }
      return at;
    };
    const object = best(false);
    const match = object >= 0 ? object : best(true);
    if (match < 0) {
      const areaPx = box[2] * box[3];
      return { score, isRight: false, isIgnored: areaPx < least || areaPx > most };
    }
    isTaken[match] = true;
    return { score, isRight: object >= 0, isIgnored: object < 0 };
  });
  const objects = truth.filter((_, k) => !isIgnored[k]);
  const missed = truth.filter((_, k) => !isIgnored[k] && !isTaken[k]);
  return { marks, objects: objects.length, missed };
}

/** Area below precision over recall, read at 101 recalls; precision never rises with recall. */
function area(marks: readonly Mark[], objects: number): number {
  const sorted = marks.toSorted((a, b) => b.score - a.score);
  let right = 0;
  const curve = sorted.map((mark, i) => {
    right += mark.isRight ? 1 : 0;
    return { recall: right / objects, precision: right / (i + 1) };
  });
  const envelope = curve.map(({ precision }) => precision);
  for (let i = envelope.length - 1; i > 0; i--) {
    envelope[i - 1] = Math.max(envelope[i - 1]!, envelope[i]!);
  }
  let at = 0;
  let sum = 0;
  for (const recall of RECALLS) {
    while (at < curve.length && curve[at]!.recall < recall) at += 1;
    sum += envelope[at] ?? 0;
  }
  return sum / RECALLS.length;
}

/** IoU; with a crowd the share of the find that lies in it. */
function overlap(find: PixelBox, truth: PixelBox, isCrowd: boolean): number {
  const w = Math.min(find[0] + find[2], truth[0] + truth[2]) - Math.max(find[0], truth[0]);
  const h = Math.min(find[1] + find[3], truth[1] + truth[3]) - Math.max(find[1], truth[1]);
  if (w <= 0 || h <= 0) return 0;
  const shared = w * h;
  const own = find[2] * find[3];
  return shared / (isCrowd ? own : own + truth[2] * truth[3] - shared);
}

function steps(first: number, last: number, count: number): number[] {
  const step = (last - first) / count;
  return Array.from({ length: count + 1 }, (_, i) => (i === count ? last : first + i * step));
}
