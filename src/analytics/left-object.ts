// Things that somebody left behind or took away.
import { iou } from '../contracts/geometry.ts';
import type { ZonePlan } from '../contracts/scene.ts';
import type { Track } from '../contracts/track.ts';
import type { Motion } from './motion.ts';
import { anchorOf, isInside } from './shapes.ts';
import {
  objectEvent,
  placeEvent,
  type SceneEvent,
  type StaticChange,
  seconds,
  type View,
} from './view.ts';

export interface LeftState {
  /** Since when nobody was near, and whether it was told; by track or change id. */
  readonly since: Readonly<Record<string, { readonly aloneMs: number; readonly isTold: boolean }>>;
}

export const EMPTY_LEFT: LeftState = { since: {} };

// An owner is somebody within this many heights of his own box.
const OWNER_REACH = 1;
// A change of the background that a tracked object covers is that object.
const SAME_PLACE_IOU = 0.3;

/**
 * Two sources agree on one question, "does it lie there with nobody near?": tracked objects with
 * one of `left_labels` that stand still, and changes of the background that no track explains.
 */
export function stepLeft(
  name: string,
  zone: ZonePlan,
  before: LeftState,
  view: View,
  motion: Readonly<Record<string, Motion>>,
): { events: SceneEvent[]; left: LeftState } {
  if (zone.left_s === undefined) return { events: [], left: EMPTY_LEFT };
  const limitMs = zone.left_s * 1000;
  const events: SceneEvent[] = [];
  const since: Record<string, { aloneMs: number; isTold: boolean }> = {};
  const watch = (id: string, event: (aloneMs: number) => SceneEvent): void => {
    const known = before.since[id] ?? { aloneMs: view.timeMs, isTold: false };
    const isDue = view.timeMs - known.aloneMs >= limitMs;
    if (isDue && !known.isTold) events.push(event(view.timeMs - known.aloneMs));
    since[id] = { aloneMs: known.aloneMs, isTold: known.isTold || isDue };
  };
  const people = view.tracks.filter((track) => track.label === 'person');
  for (const track of view.tracks) {
    if (track.phase === 'tentative' || !zone.left_labels.includes(track.label)) continue;
    if (!isIn(zone, track.box) || !stands(track, motion, view)) continue;
    if (people.some((person) => isNear(person, track.box, view.aspect))) continue;
    watch(track.id, (aloneMs) =>
      objectEvent('object_left', view.timeMs, track, { zone: name }, { alone_s: seconds(aloneMs) }),
    );
  }
  for (const change of view.changes ?? []) {
    if (!isIn(zone, change.box) || isExplained(change, view)) continue;
    if (people.some((person) => isNear(person, change.box, view.aspect))) continue;
    const type = change.kind === 'appeared' ? 'object_left' : 'object_removed';
    watch(change.id, (aloneMs) =>
      placeEvent(type, view, name, { box: change.box, alone_s: seconds(aloneMs) }),
    );
  }
  return { events, left: { since } };
}

function isIn(zone: ZonePlan, box: Track['box']): boolean {
  return isInside(anchorOf(box, 'bottom_centre'), zone.polygon);
}

function stands(track: Track, motion: Readonly<Record<string, Motion>>, view: View): boolean {
  const known = motion[track.id];
  return known !== undefined && view.timeMs > known.stillSinceMs;
}

function isNear(person: Track, box: Track['box'], aspect: number): boolean {
  const [px, py] = anchorOf(person.box, 'bottom_centre');
  const [x, y] = anchorOf(box, 'bottom_centre');
  return Math.hypot((px - x) * aspect, py - y) <= OWNER_REACH * person.box[3];
}

function isExplained(change: StaticChange, view: View): boolean {
  return view.tracks.some((track) => iou(track.box, change.box) >= SAME_PLACE_IOU);
}
