// Who is in a zone, since when, and what follows from it: enter, exit, dwell, loitering, wrong way, speeding, stopping.

import type { ZonePlan } from '../contracts/scene.ts';
import type { Track } from '../contracts/track.ts';
import { isMeant } from './filter.ts';
import type { Motion, Sight, Sights } from './motion.ts';
import { anchorOf, boundsOf, coveredShare, edgeDistance, isInside, touches } from './shapes.ts';
import { objectEvent, type SceneEvent, seconds, type View } from './view.ts';

/** One object and one zone. */
export interface Visit {
  /** What is believed. */
  readonly isIn: boolean;
  /** Since when the newest frames say otherwise. */
  readonly doubtMs: number | undefined;
  readonly enteredMs: number;
  /** When the object was last seen, wherever. */
  readonly seenMs: number;
  /** What it entered as: it exits as the same, whatever it is taken for meanwhile. */
  readonly label: string;
  readonly track: Track;
  /** Told during this visit, each at most once. */
  readonly told: readonly Episode[];
  /** Since when it moves against the direction, and too fast. */
  readonly againstMs: number | undefined;
  readonly fastMs: number | undefined;
}

type Episode = 'loitering' | 'wrong_way' | 'speeding' | 'stationary';

export type Visits = Readonly<Record<string, Visit>>;

// Movement must go on this long before it is called wrong or too fast.
const BELIEVE_MS = 500;
// Slower than this many box heights per second has no direction.
const LEAST_SPEED = 0.2;

/**
 * An object enters when its anchor has been inside for `enter_s`, and leaves when it has been
 * outside by more than the margin for `exit_s`; both are dated back to the first such frame. An object
 * that is lost stays where it was until its track ends; then it exits, dated back to its last sight.
 * The filter decides who may enter; who is inside is followed until it leaves.
 */
export function stepZone(
  name: string,
  zone: ZonePlan,
  before: Visits,
  view: View,
  sights: Sights,
): { events: SceneEvent[]; visits: Visits } {
  const visits: Record<string, Visit> = {};
  const events: SceneEvent[] = [];
  const step = (known: Visit | undefined, { track, motion }: Sight): void => {
    const isFollowed = known?.isIn === true || isMeant(track, zone);
    const visit = track.phase === 'lost' || !isFollowed ? known : observe(zone, known, track, view);
    if (visit === undefined) return;
    if (!visit.isIn && known?.isIn === true && visit !== known) {
      events.push(exitEvent(name, known, track, view, visit.doubtMs ?? view.timeMs, 'left'));
      return;
    }
    if (visit.isIn && known?.isIn !== true) {
      events.push(objectEvent('zone_enter', view.timeMs, track, { zone: name }, {}));
    }
    const isSeen = visit.isIn && visit !== known;
    const watched = isSeen ? watch(name, zone, visit, motion, view) : { visit };
    visits[track.id] = watched.visit;
    if (watched.events !== undefined) events.push(...watched.events);
  };
  for (const [id, known] of Object.entries(before)) {
    const sight = sights.get(id);
    if (sight !== undefined) step(known, sight);
    else if (known.isIn) events.push(endedEvent(name, known, view));
  }
  const bounds = boundsOf(zone.polygon);
  for (const sight of sights.values()) {
    const { track } = sight;
    if (touches(track.box, bounds) && before[track.id] === undefined) step(undefined, sight);
  }
  return { events, visits };
}

/** Undefined while there is nothing to remember. `doubtMs` of a visit that just ended is when it left. */
function observe(
  zone: ZonePlan,
  known: Visit | undefined,
  track: Track,
  view: View,
): Visit | undefined {
  const isIn = known?.isIn ?? false;
  const seenIn = isWithin(zone, track, isIn, view.aspect);
  if (known === undefined && !seenIn) return undefined;
  const base: Visit = known ?? {
    isIn: false,
    doubtMs: undefined,
    enteredMs: view.timeMs,
    seenMs: view.timeMs,
    label: track.label,
    track,
    told: [],
    againstMs: undefined,
    fastMs: undefined,
  };
  const label = isIn ? base.label : track.label;
  const current = { ...base, track, label, seenMs: view.timeMs };
  if (seenIn === isIn) return isIn ? { ...current, doubtMs: undefined } : undefined;
  const doubtMs = base.doubtMs ?? view.timeMs;
  const neededMs = (seenIn ? zone.enter_s : zone.exit_s) * 1000;
  if (view.timeMs - doubtMs < neededMs) return { ...current, doubtMs };
  return seenIn
    ? { ...current, isIn: true, doubtMs: undefined, enteredMs: doubtMs }
    : { ...current, isIn: false, doubtMs };
}

function isWithin(zone: ZonePlan, track: Track, wasIn: boolean, aspect: number): boolean {
  if (zone.anchor === 'overlap') {
    const share = coveredShare(track.box, zone.polygon);
    return share >= zone.min_overlap * (wasIn ? 1 - zone.margin : 1);
  }
  const point = anchorOf(track.box, zone.anchor);
  if (isInside(point, zone.polygon)) return true;
  return wasIn && edgeDistance(point, zone.polygon, aspect) <= zone.margin * track.box[3];
}

function exitEvent(
  name: string,
  visit: Visit,
  track: Track,
  view: View,
  leftMs: number,
  reason: 'left' | 'ended',
): SceneEvent {
  const data = { dwell_s: seconds(leftMs - visit.enteredMs), reason };
  const event = objectEvent('zone_exit', view.timeMs, track, { zone: name }, data);
  return { ...event, label: visit.label };
}

/** It was outside, or where it was last seen, when its track ended. */
function endedEvent(name: string, visit: Visit, view: View): SceneEvent {
  const { doubtMs, seenMs, track } = visit;
  const reason = doubtMs === undefined ? 'ended' : 'left';
  return exitEvent(name, visit, track, view, doubtMs ?? seenMs, reason);
}

function watch(
  name: string,
  zone: ZonePlan,
  visit: Visit,
  motion: Motion | undefined,
  view: View,
): { visit: Visit; events?: SceneEvent[] } {
  const found: [Episode, Record<string, unknown>][] = [];
  const dwellMs = view.timeMs - visit.enteredMs;
  if (zone.loiter_s !== undefined && dwellMs >= zone.loiter_s * 1000) {
    found.push(['loitering', { dwell_s: seconds(dwellMs) }]);
  }
  if (motion === undefined) return tell(name, visit, found, view);
  const stillMs = view.timeMs - motion.stillSinceMs;
  if (zone.stationary_s !== undefined && stillMs >= zone.stationary_s * 1000) {
    found.push(['stationary', { still_s: seconds(stillMs) }]);
  }
  const { speedKmh } = motion;
  const { max_speed_kmh: limitKmh, direction } = zone;
  const isFast = limitKmh !== undefined && speedKmh !== undefined && speedKmh > limitKmh;
  const fastMs = isFast ? (visit.fastMs ?? view.timeMs) : undefined;
  const isAgainst = movesAgainst(zone, visit.track, motion);
  const againstMs = isAgainst ? (visit.againstMs ?? view.timeMs) : undefined;
  if (againstMs !== undefined && view.timeMs - againstMs >= BELIEVE_MS) {
    found.push(['wrong_way', { heading: Math.round(motion.heading), allowed: direction }]);
  }
  if (isFast && view.timeMs - fastMs! >= BELIEVE_MS) {
    const speed = Math.round(speedKmh * 10) / 10;
    found.push(['speeding', { speed_kmh: speed, limit_kmh: limitKmh }]);
  }
  return tell(name, { ...visit, againstMs, fastMs }, found, view);
}

function movesAgainst(zone: ZonePlan, track: Track, motion: Motion): boolean {
  if (zone.direction === undefined || motion.speed < LEAST_SPEED * track.box[3]) return false;
  const turn = Math.abs(((motion.heading - zone.direction + 540) % 360) - 180);
  return turn > 120;
}

/** An object that moves on after standing may stand again and be told again. */
function tell(
  name: string,
  visit: Visit,
  found: readonly [Episode, Record<string, unknown>][],
  view: View,
): { visit: Visit; events: SceneEvent[] } {
  if (found.length === 0 && !visit.told.includes('stationary')) return { visit, events: [] };
  const events = found
    .filter(([type]) => !visit.told.includes(type))
    .map(([type, data]) => objectEvent(type, view.timeMs, visit.track, { zone: name }, data));
  const stillStands = found.some(([type]) => type === 'stationary');
  const kept = visit.told.filter((type) => type !== 'stationary' || stillStands);
  const told = [...new Set([...kept, ...found.map(([type]) => type)])];
  return { visit: { ...visit, told }, events };
}
