// When cameras' analysed frames reach the model: chosen so that they come between each other. Pure.

/** Frames that come again and again. */
export interface Rhythm {
  readonly intervalMs: number;
  /** When one of them arrives, on the machine's monotonic clock. */
  readonly atMs: number;
}

/** Intervals shorter than so many spacings leave no frame out (`kWorthwhile` of native/gst/notice_pace.cpp). */
const WORTHWHILE = 1.25;
/** From here on there is a frame to go to that is neither at a key frame's place nor directly behind it. */
const ROOMY = 2.8;
/** From here on a frame before the key frame is another than that behind it. */
const AROUND = 1.6;
/** Arrivals are not known better than this. */
const BLUR_MS = 4;
/** A step costs one uneven interval: it is taken where no more than this is left of the crowding. */
const WORTH_A_STEP = 0.85;
/** Intervals in a ratio of numbers up to this meet at the same few distances again and again; others at all. */
const MOST_IN_RATIO = 12;
const SAME_RATIO = 1e-4;

/**
 * Where analysed frames may lie, milliseconds after a key frame's place in the interval: at whole spacings; not at key
 * frames and not one behind, which take several times as long to arrive and to be decoded. Empty: every frame is analysed.
 */
export function freeShiftsMs(everyMs: number, spacingMs: number): number[] {
  const frames = everyMs / spacingMs;
  if (frames < WORTHWHILE) return [];
  if (frames < ROOMY) return [frames < AROUND ? 0 : everyMs - spacingMs];
  return Array.from({ length: Math.floor(frames + 0.2) - 2 }, (_, i) => (i + 2) * spacingMs);
}

/** Of several, the one farthest from the key frames. */
export function middleOf(shiftsMs: readonly number[]): number {
  return shiftsMs[(shiftsMs.length - 1) >> 1] ?? 0;
}

/** The shortest step to the same place of the interval, of two that are equally long the one back; at most half an interval. */
export function foldMs(stepMs: number, everyMs: number): number {
  const rest = stepMs - Math.floor(stepMs / everyMs) * everyMs;
  return rest > everyMs * (1 / 2 - 1 / 64) ? rest - everyMs : rest;
}

/**
 * How much of its time a rhythm's frames arrive close to those of others: pairs per millisecond, each weighed by the
 * inverse of its distance. What one is to another the other is to it, so each step that lessens one's own lessens the sum of
 * all: cameras that step one after the other come to rest.
 */
export function crowding(mine: Rhythm, others: readonly Rhythm[]): number {
  let sum = 0;
  for (const other of others) {
    const gridMs = commonMs(mine.intervalMs, other.intervalMs);
    if (gridMs === undefined) continue;
    const distanceMs = Math.abs(foldMs(mine.atMs - other.atMs, gridMs));
    sum += gridMs / (mine.intervalMs * other.intervalMs) / (distanceMs + BLUR_MS);
  }
  return sum;
}

/** Which of the steps to take: 0 is to stay, also where it is not among them and `isFree` says that it might be. */
export function stepAside(
  mine: Rhythm,
  stepsMs: readonly number[],
  others: readonly Rhythm[],
  isFree: boolean,
): number {
  const after = (stepMs: number): number => crowding({ ...mine, atMs: mine.atMs + stepMs }, others);
  let chosenMs = middleOf(stepsMs);
  let least = after(chosenMs);
  for (const stepMs of stepsMs) {
    const left = after(stepMs);
    if (left >= least) continue;
    chosenMs = stepMs;
    least = left;
  }
  return isFree && least >= WORTH_A_STEP * after(0) ? 0 : chosenMs;
}

/** The longest time of which both are whole multiples; undefined: none worth the name. */
function commonMs(aMs: number, bMs: number): number | undefined {
  for (let parts = 1; parts <= MOST_IN_RATIO; parts++) {
    const other = (parts * bMs) / aMs;
    const whole = Math.round(other);
    if (whole > MOST_IN_RATIO) return undefined;
    if (whole > 0 && Math.abs(other - whole) < SAME_RATIO * whole) return aMs / parts;
  }
  return undefined;
}
