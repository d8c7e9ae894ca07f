// Objects that cross a line, counted in both directions.
import type { Point } from '../contracts/geometry.ts';
import type { LinePlan } from '../contracts/scene.ts';
import type { Track } from '../contracts/track.ts';
import { isMeant } from './filter.ts';
import { anchorOf } from './shapes.ts';
import { objectEvent, type SceneEvent, seconds, type View } from './view.ts';

type Side = -1 | 1;

/** What is remembered of one object at one line. */
interface Passage {
  /** Where it was last beyond doubt; +1 is the right-hand side. */
  readonly settled: Side;
  /** Distance at first sight, while it has not been beyond doubt anywhere. */
  readonly firstDistance: number | undefined;
  /** The side of the newest point; a point on the line belongs to the side it came from. */
  readonly side: Side;
  readonly point: Point;
  /** Passages since it was settled: through the line, and around its ends. Only odd or even matters. */
  readonly through: boolean;
  readonly around: boolean;
  /** Crossed, and waiting for the debounce time to pass. */
  readonly pendingMs: number | undefined;
}

export interface LineState {
  readonly passages: Readonly<Record<string, Passage>>;
  /** When somebody last crossed, by direction. */
  readonly lastMs: Readonly<Record<string, number>>;
}

export const EMPTY_LINE: LineState = { passages: {}, lastMs: {} };

/**
 * An object crosses when it was clearly on one side, is clearly on the other, and went through the
 * line, not around its ends, an odd number of times in between. Wobbling on the line therefore counts
 * nothing, and it does not matter how many frames lie between both sides. End points belong to the line.
 */
export function stepLine(
  name: string,
  line: LinePlan,
  state: LineState,
  view: View,
): { events: SceneEvent[]; state: LineState } {
  const passages: Record<string, Passage> = {};
  const lastMs = { ...state.lastMs };
  const events: SceneEvent[] = [];
  for (const track of view.tracks) {
    const before = state.passages[track.id];
    if (track.phase !== 'confirmed' || !isMeant(track, line)) {
      if (before !== undefined) passages[track.id] = before;
      continue;
    }
    const moved = move(line, before, track, view);
    if (moved === undefined) continue;
    const { passage, crossed } = settle(line, moved, view);
    passages[track.id] = passage;
    if (!crossed) continue;
    const direction = passage.settled === 1 ? line.to_right : line.to_left;
    events.push(...crossing(name, line, track, direction, lastMs[direction], view));
    lastMs[direction] = view.timeMs;
  }
  return { events, state: { passages, lastMs } };
}

interface Moved extends Passage {
  readonly isClear: boolean;
}

/** Takes in the newest point; undefined while an object stands exactly on the line's course and came from nowhere. */
function move(
  line: LinePlan,
  before: Passage | undefined,
  track: Track,
  { aspect }: View,
): Moved | undefined {
  const point = anchorOf(track.box, line.anchor);
  const distance = sideDistance(line.points, point, aspect);
  const margin = line.margin * track.box[3];
  if (before === undefined) {
    if (distance === 0) return undefined;
    const side: Side = distance > 0 ? 1 : -1;
    return {
      settled: side,
      side,
      point,
      through: false,
      around: false,
      pendingMs: undefined,
      firstDistance: Math.abs(distance) > margin ? undefined : distance,
      isClear: Math.abs(distance) > margin,
    };
  }
  // What appeared beside the line must move as far as what comes from beyond doubt.
  const travelled = Math.abs(distance - (before.firstDistance ?? Number.POSITIVE_INFINITY));
  const isClear = Math.abs(distance) > margin && travelled > 2 * margin;
  const side: Side = distance === 0 ? before.side : distance > 0 ? 1 : -1;
  let { through, around } = before;
  if (side !== before.side) {
    if (meetsSegment(line.points, before.point, point, aspect)) through = !through;
    else around = !around;
  }
  return { ...before, side, point, through, around, isClear };
}

const AT_REST = {
  firstDistance: undefined,
  through: false,
  around: false,
  pendingMs: undefined,
} as const;

function settle(
  line: LinePlan,
  { isClear, ...passage }: Moved,
  view: View,
): { passage: Passage; crossed: boolean } {
  if (!isClear) return { passage, crossed: false };
  if (passage.side === passage.settled) {
    return {
      passage: { ...passage, ...AT_REST },
      crossed: false,
    };
  }
  const isThrough = passage.through && !passage.around;
  const since = passage.pendingMs ?? view.timeMs;
  if (isThrough && view.timeMs - since < line.debounce_s * 1000) {
    return { passage: { ...passage, pendingMs: since }, crossed: false };
  }
  return {
    passage: { ...passage, ...AT_REST, settled: passage.side },
    crossed: isThrough,
  };
}

function crossing(
  name: string,
  line: LinePlan,
  track: Track,
  direction: string,
  lastMs: number | undefined,
  view: View,
): SceneEvent[] {
  const events = [objectEvent('line_cross', view.timeMs, track, { line: name }, { direction })];
  if (line.allowed !== undefined && direction !== line.allowed) {
    const data = { direction, allowed: line.allowed };
    events.push(objectEvent('wrong_way', view.timeMs, track, { line: name }, data));
  }
  if (lastMs !== undefined && view.timeMs - lastMs <= (line.tailgating_s ?? -1) * 1000) {
    const data = { direction, gap_s: seconds(view.timeMs - lastMs) };
    events.push(objectEvent('tailgating', view.timeMs, track, { line: name }, data));
  }
  return events;
}

/** Distance from the endless line in frame heights; positive on the right, seen from the first point. */
function sideDistance([a, b]: LinePlan['points'], point: Point, aspect: number): number {
  const [bx, by] = [(b[0] - a[0]) * aspect, b[1] - a[1]];
  const [px, py] = [(point[0] - a[0]) * aspect, point[1] - a[1]];
  const distance = (bx * py - by * px) / Math.hypot(bx, by);
  return Math.abs(distance) < 1e-12 ? 0 : distance;
}

/** Whether the way from `from` to `to`, which changes sides, does so between the end points. */
function meetsSegment(points: LinePlan['points'], from: Point, to: Point, aspect: number): boolean {
  const [a, b] = points;
  const start = sideDistance(points, from, aspect);
  const end = sideDistance(points, to, aspect);
  const t = start === end ? 0 : start / (start - end);
  const x = (from[0] + (to[0] - from[0]) * t - a[0]) * aspect;
  const y = from[1] + (to[1] - from[1]) * t - a[1];
  const [bx, by] = [(b[0] - a[0]) * aspect, b[1] - a[1]];
  const along = (x * bx + y * by) / (bx * bx + by * by);
  return along >= -1e-9 && along <= 1 + 1e-9;
}
