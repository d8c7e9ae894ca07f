// How objects move: speed, heading, and since when they stand.
import type { Point } from '../contracts/geometry.ts';
import type { Track } from '../contracts/track.ts';
import type { Ground } from './ground.ts';
import { anchorOf, distanceBetween } from './shapes.ts';
import type { View } from './view.ts';

interface Sample {
  readonly timeMs: number;
  readonly foot: Point;
  /** Metres on the ground, where it is calibrated. */
  readonly place: Point | undefined;
}

export interface Motion {
  /** As it was last detected. */
  readonly last: Track;
  /** Oldest first, over the last second. */
  readonly samples: readonly Sample[];
  /** Frame heights per second. */
  readonly speed: number;
  readonly speedKmh: number | undefined;
  /** Degrees on the picture, clockwise from upwards, 0..360. */
  readonly heading: number;
  readonly stillSinceMs: number;
  /** The place it has not left since then. */
  readonly restingAt: Point;
}

/** An object in view. */
export interface Sight {
  readonly track: Track;
  /** As it was last detected before this frame. */
  readonly seen: Track | undefined;
  /** With this frame; undefined for what was never detected while somebody watched. */
  readonly motion: Motion | undefined;
}

/** By id. Made once per frame, so that zones and lines need not search for each object. */
export type Sights = ReadonlyMap<string, Sight>;

const WINDOW_MS = 1000;
const MOST_SAMPLES = 32;
// An object that stays within this many box heights of a place stands there.
const STILL_RADIUS = 0.2;
const MS_PER_S_IN_KMH = 3.6;

export function sightsOf(
  { tracks }: View,
  before: Readonly<Record<string, Motion>>,
  after: Readonly<Record<string, Motion>>,
): Sights {
  const sights = new Map<string, Sight>();
  for (const track of tracks) {
    const { id } = track;
    if (track.phase === 'tentative') continue;
    sights.set(id, { track, seen: before[id]?.last, motion: after[id] });
  }
  return sights;
}

/** Objects that are lost keep what was known of them; those that ended are forgotten. */
export function stepMotion(
  before: Readonly<Record<string, Motion>>,
  view: View,
  ground: Ground | undefined,
): Record<string, Motion> {
  const after: Record<string, Motion> = {};
  for (const track of view.tracks) {
    const known = before[track.id];
    if (track.phase === 'confirmed') after[track.id] = moved(known, track, view, ground);
    else if (known !== undefined) after[track.id] = known;
  }
  return after;
}

function moved(
  known: Motion | undefined,
  track: Track,
  { timeMs, aspect }: View,
  ground: Ground | undefined,
): Motion {
  const foot = anchorOf(track.box, 'bottom_centre');
  const sample: Sample = { timeMs, foot, place: ground?.toMetres(foot) };
  const samples = [...recent(known?.samples ?? [], timeMs), sample];
  const oldest = samples[0]!;
  const elapsedS = (timeMs - oldest.timeMs) / 1000;
  const dx = (foot[0] - oldest.foot[0]) * aspect;
  const dy = foot[1] - oldest.foot[1];
  const hasLeft =
    known === undefined ||
    distanceBetween(foot, known.restingAt, aspect) > STILL_RADIUS * track.box[3];
  return {
    last: track,
    samples,
    speed: elapsedS > 0 ? Math.sqrt(dx * dx + dy * dy) / elapsedS : 0,
    speedKmh: groundSpeed(oldest, sample, elapsedS),
    heading: ((Math.atan2(dx, -dy) * 180) / Math.PI + 360) % 360,
    stillSinceMs: hasLeft ? timeMs : known.stillSinceMs,
    restingAt: hasLeft ? foot : known.restingAt,
  };
}

/** Keeps one sample older than the window, so that slow cameras have two to compare. */
function recent(samples: readonly Sample[], timeMs: number): Sample[] {
  let first = 0;
  while (first + 1 < samples.length && timeMs - samples[first + 1]!.timeMs >= WINDOW_MS) first += 1;
  return samples.slice(Math.max(first, samples.length - MOST_SAMPLES));
}

function groundSpeed(from: Sample, to: Sample, elapsedS: number): number | undefined {
  if (from.place === undefined || to.place === undefined || elapsedS <= 0) return undefined;
  const metres = Math.hypot(to.place[0] - from.place[0], to.place[1] - from.place[1]);
  return (metres / elapsedS) * MS_PER_S_IN_KMH;
}
