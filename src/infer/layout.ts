// How a model is spread over a machine: which layouts are worth trying, and which of the measured ones is taken. Pure.

export interface Layout {
  readonly sessions: number;
  readonly threads: number;
  /** Frames per run. */
  readonly batch: number;
}

export interface MeasuredLayout extends Layout {
  /** All sessions together. */
  readonly fps: number;
}

export interface LayoutWishes {
  readonly provider: string;
  readonly cores: number;
  readonly sessions: number | 'auto';
  readonly threads: number | 'auto';
  readonly batch: number | 'auto';
  /** What the model takes. */
  readonly maxBatch: number;
}

/** Frames per run on accelerators; CPUs gain nothing from batches (measured) and wait for them. */
const ACCELERATOR_BATCH = 8;
/** A layout that comes later must be better by this share; less is noise, and the earlier one costs less. */
const CLEARLY = 0.02;

/** True where inference runs on the cores that also decode. */
export function runsOnCpu(provider: string): boolean {
  return provider === 'cpu' || provider === 'xnnpack';
}

/**
 * What to measure, best guess first; a single one where there is nothing to choose.
 *
 * On CPUs as many one-thread sessions as cores come first (the only layout that also lives well beside decoders), then
 * fewer and wider ones; half as many sessions suit processors whose cores are two threads of one. On accelerators one
 * session with growing batches. TensorRT builds an engine per batch size, minutes each: it gets the largest at once.
 * What the configuration fixes is not varied.
 */
export function layoutCandidates(wishes: LayoutWishes): Layout[] {
  const { provider, cores, sessions, threads, maxBatch } = wishes;
  const isCpu = runsOnCpu(provider);
  const batch = Math.min(
    wishes.batch === 'auto' ? (isCpu ? 1 : ACCELERATOR_BATCH) : wishes.batch,
    maxBatch,
  );
  if (sessions !== 'auto') return [{ sessions, threads: threads === 'auto' ? 1 : threads, batch }];
  if (!isCpu) return acceleratorCandidates(wishes, batch);
  if (threads !== 'auto') {
    return [{ sessions: Math.max(1, Math.floor(cores / threads)), threads, batch }];
  }
  const half = Math.floor(cores / 2);
  const shapes: [number, number][] = [[cores, 1]];
  for (let width = 2; width < cores; width *= 2) shapes.push([Math.floor(cores / width), width]);
  if (cores > 1) shapes.push([1, cores]);
  if (cores >= 4) shapes.push([half, 1]);
  return shapes.map(([sessions, threads]) => ({ sessions, threads, batch }));
}

function acceleratorCandidates({ provider, threads, batch }: LayoutWishes, most: number): Layout[] {
  const layoutOf = (batch: number): Layout => ({
    sessions: 1,
    threads: threads === 'auto' ? 1 : threads,
    batch,
  });
  if (batch !== 'auto' || provider === 'tensorrt') return [layoutOf(most)];
  const sizes = [];
  for (let size = 1; size < most; size *= 2) sizes.push(size);
  return [...sizes, most].map(layoutOf);
}

/** The earliest whose rate is within 2 % of the best one's. Throws on an empty list. */
export function chooseLayout<One extends MeasuredLayout>(measured: readonly One[]): One {
  const best = Math.max(...measured.map(({ fps }) => fps));
  const chosen = measured.find(({ fps }) => fps >= best / (1 + CLEARLY));
  if (chosen === undefined) throw new RangeError('no layout was measured');
  return chosen;
}

/** Somebody may have edited a kept layout: one that cannot be opened would end every start. */
export function isLayout(value: unknown): value is Layout {
  const { sessions, threads, batch } = (value ?? {}) as Partial<Layout>;
  return [sessions, threads, batch].every(
    (size) => Number.isInteger(size) && size !== undefined && size >= 1 && size <= 64,
  );
}

/** `2 sessions × 1 thread`, with the batch where it is larger than one. */
export function layoutText({ sessions, threads, batch }: Layout): string {
  const text = `${count(sessions, 'session')} × ${count(threads, 'thread')}`;
  return batch === 1 ? text : `${text}, batches of ${batch}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
