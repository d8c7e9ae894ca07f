// One camera's scene, frame by frame: (plan, state, view) → (events, state). Nothing is kept elsewhere.

import type { ScenePlan } from '../contracts/scene.ts';
import type { FrameTracks } from '../contracts/track.ts';
import { type BackgroundState, EMPTY_BACKGROUND, stepBackground } from './background.ts';
import { type Counters, stepCounters } from './counters.ts';
import { calibrate, type Ground } from './ground.ts';
import { EMPTY_LEFT, type LeftState, stepLeft } from './left-object.ts';
import { EMPTY_LINE, type LineState, stepLine } from './line.ts';
import { type Motion, sightsOf, stepMotion } from './motion.ts';
import { EMPTY_OCCUPANCY, type Occupancy, stepOccupancy } from './occupancy.ts';
import type { SceneEvent, View } from './view.ts';
import { stepZone, type Visits } from './zone.ts';

export interface ZoneState {
  readonly visits: Visits;
  readonly occupancy: Occupancy;
  readonly left: LeftState;
}

/** Keyed by names, so that a plan that is edited meets the state of what it still names. */
export interface SceneState {
  readonly zones: Readonly<Record<string, ZoneState>>;
  readonly lines: Readonly<Record<string, LineState>>;
  readonly motion: Readonly<Record<string, Motion>>;
  readonly background: BackgroundState;
  /** The part worth keeping over a restart. */
  readonly counters: Counters;
}

const NEW_ZONE: ZoneState = { visits: {}, occupancy: EMPTY_OCCUPANCY, left: EMPTY_LEFT };

export function newScene(counters: Counters = {}): SceneState {
  return { zones: {}, lines: {}, motion: {}, background: EMPTY_BACKGROUND, counters };
}

export function analyseScene(
  plan: ScenePlan,
  state: SceneState,
  view: View,
): { events: SceneEvent[]; state: SceneState } {
  const motion = stepMotion(state.motion, view, groundOf(plan));
  const sights = sightsOf(view, state.motion, motion);
  const background = stepBackground(state.background, view, state.motion, motion);
  const events: SceneEvent[] = [];
  const zones: Record<string, ZoneState> = {};
  for (const [name, zone] of Object.entries(plan.zones)) {
    const before = state.zones[name] ?? NEW_ZONE;
    const inside = stepZone(name, zone, before.visits, view, sights);
    const whole = stepOccupancy(name, zone, before.occupancy, inside.visits, view);
    const things = stepLeft(name, zone, before.left, view, motion, background.changes);
    events.push(...inside.events, ...whole.events, ...things.events);
    zones[name] = { visits: inside.visits, occupancy: whole.occupancy, left: things.left };
  }
  const lines: Record<string, LineState> = {};
  for (const [name, line] of Object.entries(plan.lines)) {
    const step = stepLine(name, line, state.lines[name] ?? EMPTY_LINE, view, sights);
    events.push(...step.events);
    lines[name] = step.state;
  }
  const counted = stepCounters(plan, state.counters, events, view);
  return {
    events: [...counted.events, ...events],
    state: { zones, lines, motion, background, counters: counted.counters },
  };
}

/** `timeMs` is the caller's timeline, which only goes forward. */
export function viewOf({ frame, tracks }: FrameTracks, timeMs: number): View {
  const { backgroundChanges } = frame;
  return {
    timeMs,
    wallMs: frame.captureMs,
    aspect: frame.widthPx / frame.heightPx,
    tracks: tracks.filter((track) => track.phase !== 'tentative'),
    ...(backgroundChanges !== undefined && { changes: backgroundChanges }),
  };
}

const grounds = new WeakMap<object, Ground>();

/** A calibration is solved once per plan. */
function groundOf({ ground }: ScenePlan): Ground | undefined {
  if (ground === undefined) return undefined;
  const known = grounds.get(ground) ?? calibrate(ground);
  if (known !== undefined) grounds.set(ground, known);
  return known;
}
