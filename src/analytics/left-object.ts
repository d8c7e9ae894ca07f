// Things that somebody left behind or took away.
import { type Box, iou } from '../contracts/geometry.ts';
import type { ZonePlan } from '../contracts/scene.ts';
import type { Track } from '../contracts/track.ts';
import type { StaticChange } from './background.ts';
import type { Motion } from './motion.ts';
import { anchorOf, distanceBetween, isInside } from './shapes.ts';
import { objectEvent, placeEvent, type SceneEvent, seconds, type View } from './view.ts';

export interface LeftState {
  /** Since when nobody was near, undefined while somebody is; and whether it was told. By track or change id. */
  readonly since: Readonly<Record<string, Alone>>;
}

interface Alone {
  readonly aloneMs: number | undefined;
  readonly isTold: boolean;
}

export const EMPTY_LEFT: LeftState = { since: {} };

// An owner is somebody within this many heights of his own box.
const OWNER_REACH = 1;
// A change of the background that a tracked object covers is that object.
const SAME_PLACE_IOU = 0.3;

/**
 * Two sources agree on one question, "does it lie there with nobody near?": tracked objects with
 * one of `left_labels` that stand still, and changes of the background that no track explains. Where an
 * object with such a label stood and stands no more, or the picture shows that something is gone, the change
 * says that it was removed; where another one stood, it is only the trace of what went away. Each is told
 * once, whoever passes by afterwards.
 */
export function stepLeft(
  name: string,
  zone: ZonePlan,
  before: LeftState,
  view: View,
  motion: Readonly<Record<string, Motion>>,
  changes: readonly StaticChange[],
): { events: SceneEvent[]; left: LeftState } {
  if (zone.left_s === undefined) return { events: [], left: EMPTY_LEFT };
  const limitMs = zone.left_s * 1000;
  const events: SceneEvent[] = [];
  const since: Record<string, Alone> = {};
  const watch = (id: string, isAlone: boolean, event: (aloneMs: number) => SceneEvent): void => {
    const known = before.since[id];
    const aloneMs = isAlone ? (known?.aloneMs ?? view.timeMs) : undefined;
    const isDue = aloneMs !== undefined && view.timeMs - aloneMs >= limitMs;
    if (isDue && known?.isTold !== true) events.push(event(view.timeMs - aloneMs));
    since[id] = { aloneMs, isTold: isDue || known?.isTold === true };
  };
  const people = view.tracks.filter((track) => track.label === 'person');
  const isAlone = (box: Box): boolean => !people.some((person) => isNear(person, box, view.aspect));
  for (const track of view.tracks) {
    if (track.phase === 'tentative' || !zone.left_labels.includes(track.label)) continue;
    if (!isIn(zone, track.box) || !stands(track, motion, view)) continue;
    watch(track.id, isAlone(track.box), (aloneMs) =>
      objectEvent('object_left', view.timeMs, track, { zone: name }, { alone_s: seconds(aloneMs) }),
    );
  }
  for (const { id, box, ageMs, kind, was } of changes) {
    if (!isIn(zone, box) || (was !== undefined && !zone.left_labels.includes(was))) continue;
    const isGone = was !== undefined || kind === 'went';
    const type = isGone ? 'object_removed' : 'object_left';
    watch(id, isAlone(box) && !isExplained(box, view), (aloneMs) => {
      const times = { alone_s: seconds(aloneMs), changed_s: seconds(ageMs) };
      return placeEvent(type, view, name, { box, ...(was !== undefined && { was }), ...times });
    });
  }
  return { events, left: { since } };
}

function isIn(zone: ZonePlan, box: Box): boolean {
  return isInside(anchorOf(box, 'bottom_centre'), zone.polygon);
}

function stands(track: Track, motion: Readonly<Record<string, Motion>>, view: View): boolean {
  const known = motion[track.id];
  return known !== undefined && view.timeMs > known.stillSinceMs;
}

function isNear(person: Track, box: Box, aspect: number): boolean {
  const gap = distanceBetween(
    anchorOf(person.box, 'bottom_centre'),
    anchorOf(box, 'bottom_centre'),
    aspect,
  );
  return gap <= OWNER_REACH * person.box[3];
}

function isExplained(box: Box, view: View): boolean {
  return view.tracks.some((track) => iou(track.box, box) >= SAME_PLACE_IOU);
}
