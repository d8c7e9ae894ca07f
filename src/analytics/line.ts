// Objects that cross a line, counted in both directions.
import type { Box } from '../contracts/geometry.ts';
import type { LinePlan } from '../contracts/scene.ts';
import type { Track } from '../contracts/track.ts';
import { isMeant } from './filter.ts';
import type { Sights } from './motion.ts';
import { anchorOf } from './shapes.ts';
import { objectEvent, type SceneEvent, seconds, type View } from './view.ts';

type Side = -1 | 1;

/** What is remembered of an object near a line. One that was seen clearly on a side needs no memory: where it was says it all. */
interface Passage {
  /** Where it was last beyond doubt; +1 is the right-hand side. */
  readonly settled: Side;
  /** Distance at first sight, while it has not been beyond doubt anywhere. */
  readonly firstDistance: number | undefined;
  /** The side of the newest point; a point on the line belongs to the side it came from. */
  readonly side: Side;
  /** As it was last seen and meant. */
  readonly track: Track;
  /** Passages since it was settled: through the line, and around its ends. Only odd or even matters. */
  readonly through: boolean;
  readonly around: boolean;
  /** Crossed, and waiting for the debounce time to pass. */
  readonly pendingMs: number | undefined;
}

export interface LineState {
  /** Where the line was; an edit that moves it forgets the passages, so that it counts nothing by itself. */
  readonly points: LinePlan['points'] | undefined;
  readonly passages: Readonly<Record<string, Passage>>;
  /** Who last crossed and when, by direction. */
  readonly last: Readonly<Record<string, { readonly id: string; readonly atMs: number }>>;
}

export const EMPTY_LINE: LineState = { points: undefined, passages: {}, last: {} };

/**
 * An object crosses when it was clearly on one side, is clearly on the other, and went through the
 * line, not around its ends, an odd number of times in between. Wobbling on the line therefore counts
 * nothing, and it does not matter how many frames lie between both sides. End points belong to the line.
 * A crossing that waits for its debounce time counts when the track ends beyond the line.
 *
 * Most pairs of line and object cost two distances and no memory.
 */
export function stepLine(
  name: string,
  line: LinePlan,
  state: LineState,
  view: View,
  sights: Sights,
): { events: SceneEvent[]; state: LineState } {
  const course = courseOf(line, view.aspect);
  const before = isSamePlace(state.points, line.points) ? state.passages : {};
  const passages: Record<string, Passage> = {};
  const events: SceneEvent[] = [];
  let last = state.last;
  const cross = (track: Track, side: Side): void => {
    const direction = side === 1 ? line.to_right : line.to_left;
    events.push(...crossing(name, line, track, direction, last[direction], view));
    last = { ...last, [direction]: { id: track.id, atMs: view.timeMs } };
  };
  const follow = (passage: Passage, track: Track): void => {
    const { kept, crossed } = settle(course, passage, track, view);
    if (kept !== undefined) passages[track.id] = kept;
    if (crossed) cross(track, passage.side);
  };
  for (const [id, known] of Object.entries(before)) {
    const track = sights.get(id)?.track;
    if (track === undefined) {
      if (known.pendingMs !== undefined && known.side !== known.settled) {
        cross(known.track, known.side);
      }
    } else if (!isWatched(track, line)) passages[id] = known;
    else follow(move(course, known, track), track);
  }
  for (const { track, seen } of sights.values()) {
    if (seen !== undefined && isOnSameSide(course, seen, track)) continue;
    if (before[track.id] !== undefined) continue;
    const first = seen && isMeant(seen, line) ? firstSight(course, seen) : undefined;
    if (!isWatched(track, line)) {
      if (first !== undefined) passages[track.id] = first;
      continue;
    }
    const passage = first === undefined ? firstSight(course, track) : move(course, first, track);
    if (passage !== undefined) follow(passage, track);
  }
  return { events, state: { points: line.points, passages, last } };
}

function isWatched(track: Track, line: LinePlan): boolean {
  return track.phase === 'confirmed' && isMeant(track, line);
}

/** The line as numbers, in frame heights. */
interface Course {
  readonly line: LinePlan;
  readonly aspect: number;
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
  readonly length: number;
}

function courseOf(line: LinePlan, aspect: number): Course {
  const [[x, y], b] = line.points;
  const dx = (b[0] - x) * aspect;
  const dy = b[1] - y;
  return { line, aspect, x, y, dx, dy, length: Math.sqrt(dx * dx + dy * dy) };
}

function isSamePlace(a: LinePlan['points'] | undefined, b: LinePlan['points']): boolean {
  return a === b || a?.every((point, i) => point[0] === b[i]![0] && point[1] === b[i]![1]) === true;
}

/** Both sights are clear and on one side: nothing to decide and nothing to remember. */
function isOnSameSide(course: Course, seen: Track, track: Track): boolean {
  const from = distanceOf(course, seen.box);
  const to = distanceOf(course, track.box);
  return from > 0 === to > 0 && isBeyond(course, from, seen.box) && isBeyond(course, to, track.box);
}

function isBeyond({ line }: Course, distance: number, box: Box): boolean {
  return Math.abs(distance) > line.margin * box[3];
}

/** Undefined for what stands exactly on the line's course and came from nowhere. */
function firstSight(course: Course, track: Track): Passage | undefined {
  const { box } = track;
  const distance = distanceOf(course, box);
  if (distance === 0) return undefined;
  const side: Side = distance > 0 ? 1 : -1;
  const firstDistance = isBeyond(course, distance, box) ? undefined : distance;
  return { ...AT_REST, settled: side, side, track, firstDistance };
}

/** Takes in the newest point. */
function move(course: Course, before: Passage, track: Track): Passage {
  const distance = distanceOf(course, track.box);
  const side: Side = distance === 0 ? before.side : distance > 0 ? 1 : -1;
  let { through, around } = before;
  if (side !== before.side) {
    if (meetsSegment(course, before.track.box, track.box)) through = !through;
    else around = !around;
  }
  return { ...before, side, track, through, around };
}

const AT_REST = {
  firstDistance: undefined,
  through: false,
  around: false,
  pendingMs: undefined,
} as const;

/** `kept` is undefined once the object is clearly on a side and nothing is left to decide. */
function settle(
  course: Course,
  passage: Passage,
  { box }: Track,
  view: View,
): { kept: Passage | undefined; crossed: boolean } {
  const { line } = course;
  const distance = distanceOf(course, box);
  // What appeared beside the line must move as far as what comes from beyond doubt.
  const travelled = Math.abs(distance - (passage.firstDistance ?? Number.POSITIVE_INFINITY));
  const isClear = isBeyond(course, distance, box) && travelled > 2 * line.margin * box[3];
  if (!isClear) return { kept: passage, crossed: false };
  if (passage.side === passage.settled) return { kept: undefined, crossed: false };
  const crossed = passage.through && !passage.around;
  const since = passage.pendingMs ?? view.timeMs;
  if (crossed && view.timeMs - since < line.debounce_s * 1000) {
    return { kept: { ...passage, pendingMs: since }, crossed: false };
  }
  return { kept: undefined, crossed };
}

function crossing(
  name: string,
  line: LinePlan,
  track: Track,
  direction: string,
  last: LineState['last'][string] | undefined,
  view: View,
): SceneEvent[] {
  const events = [objectEvent('line_cross', view.timeMs, track, { line: name }, { direction })];
  if (line.allowed !== undefined && direction !== line.allowed) {
    const data = { direction, allowed: line.allowed };
    events.push(objectEvent('wrong_way', view.timeMs, track, { line: name }, data));
  }
  const gapMs = last === undefined || last.id === track.id ? undefined : view.timeMs - last.atMs;
  if (gapMs !== undefined && gapMs <= (line.tailgating_s ?? -1) * 1000) {
    const data = { direction, gap_s: seconds(gapMs) };
    events.push(objectEvent('tailgating', view.timeMs, track, { line: name }, data));
  }
  return events;
}

/** From the endless line to the object's anchor, in frame heights; positive on the right, seen from the first point. */
function distanceOf({ line, aspect, x, y, dx, dy, length }: Course, box: Box): number {
  const px = (box[0] + box[2] / 2 - x) * aspect;
  const py = box[1] + (line.anchor === 'centre' ? box[3] / 2 : box[3]) - y;
  const distance = (dx * py - dy * px) / length;
  return Math.abs(distance) < 1e-12 ? 0 : distance;
}

/** Whether the way of the anchor, which changes sides, does so between the end points. */
function meetsSegment({ line, aspect, x, y, dx, dy }: Course, before: Box, after: Box): boolean {
  const from = anchorOf(before, line.anchor);
  const to = anchorOf(after, line.anchor);
  const fromX = (from[0] - x) * aspect;
  const fromY = from[1] - y;
  const wayX = (to[0] - from[0]) * aspect;
  const wayY = to[1] - from[1];
  const start = dx * fromY - dy * fromX;
  const change = dx * wayY - dy * wayX;
  const t = change === 0 ? 0 : -start / change;
  const along = ((fromX + wayX * t) * dx + (fromY + wayY * t) * dy) / (dx * dx + dy * dy);
  return along >= -1e-9 && along <= 1 + 1e-9;
}
