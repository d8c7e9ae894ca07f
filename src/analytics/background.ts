// Places where the background changed for good, kept apart from frame to frame, with what stood there before.
import type { BackgroundChange } from '../contracts/frame.ts';
import { type Box, iou } from '../contracts/geometry.ts';
import type { Motion } from './motion.ts';
import type { View } from './view.ts';

/** Something lies where nothing was, or is gone from where it stood. */
export interface StaticChange extends BackgroundChange {
  readonly id: string;
  /** Label of the object that stood here and left; undefined when none did, or when something else came. */
  readonly was: string | undefined;
  readonly seenMs: number;
}

interface Stood {
  readonly box: Box;
  readonly label: string;
  readonly leftMs: number;
}

export interface BackgroundState {
  readonly changes: readonly StaticChange[];
  readonly stood: readonly Stood[];
  /** Changes that were given an id so far. */
  readonly count: number;
}

export const EMPTY_BACKGROUND: BackgroundState = { changes: [], stood: [], count: 0 };

// Boxes of one change differ from frame to frame, and may be missing for so long.
const SAME_CHANGE_IOU = 0.4;
const LINGER_MS = 2000;
// What stood for so long may have become background; where it stood is remembered while that fades.
const STOOD_MS = 5000;
const REMEMBER_MS = 600_000;
const MOST_STOOD = 64;
const SAME_PLACE_IOU = 0.3;

/** `view.changes` come without identity; without them nobody watches the background and nothing is kept. */
export function stepBackground(
  before: BackgroundState,
  view: View,
  motionBefore: Readonly<Record<string, Motion>>,
  motion: Readonly<Record<string, Motion>>,
): BackgroundState {
  if (view.changes === undefined) return EMPTY_BACKGROUND;
  const { timeMs } = view;
  const stood = [...before.stood, ...whatLeft(motionBefore, motion, timeMs)]
    .filter(({ leftMs }) => timeMs - leftMs < REMEMBER_MS)
    .slice(-MOST_STOOD);
  let { count } = before;
  // Frames of a still scene may be further apart than a change may be missing.
  const rest = [...before.changes];
  const changes = view.changes.map((change): StaticChange => {
    const known = takeBest(rest, change.box);
    if (known !== undefined) return { ...known, ...change, seenMs: timeMs };
    count += 1;
    const place = stood.findLast(({ box }) => iou(box, change.box) >= SAME_PLACE_IOU);
    const was = change.kind === 'came' ? undefined : place?.label;
    return { ...change, id: `change-${count}`, was, seenMs: timeMs };
  });
  const lingering = rest.filter(({ seenMs }) => timeMs - seenMs <= LINGER_MS);
  return { changes: [...changes, ...lingering], stood, count };
}

/** Objects that stood, and with this frame do so no more. */
function whatLeft(
  before: Readonly<Record<string, Motion>>,
  after: Readonly<Record<string, Motion>>,
  timeMs: number,
): Stood[] {
  return Object.entries(before).flatMap(([id, { last, stillSinceMs, samples }]) => {
    const isThere = after[id]?.stillSinceMs === stillSinceMs;
    const stoodMs = samples[samples.length - 1]!.timeMs - stillSinceMs;
    if (isThere || stoodMs < STOOD_MS) return [];
    return [{ box: last.box, label: last.label, leftMs: timeMs }];
  });
}

/** Removes the change that `box` is most likely to be from `changes`. */
function takeBest(changes: StaticChange[], box: Box): StaticChange | undefined {
  let best = -1;
  let bestIou = SAME_CHANGE_IOU;
  changes.forEach((change, i) => {
    const overlap = iou(change.box, box);
    if (overlap >= bestIou) [best, bestIou] = [i, overlap];
  });
  return best === -1 ? undefined : changes.splice(best, 1)[0];
}
