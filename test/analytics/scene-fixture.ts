// Tracks and scenes for analytics tests, made without a tracker.
import fc from 'fast-check';
import { analyseScene, newScene, type SceneState } from '../../src/analytics/scene.ts';
import type { SceneEvent } from '../../src/analytics/view.ts';
import type { BackgroundChange } from '../../src/contracts/frame.ts';
import type { Point } from '../../src/contracts/geometry.ts';
import type { RulePlan } from '../../src/contracts/rule.ts';
import type { LinePlan, ScenePlan, ZonePlan } from '../../src/contracts/scene.ts';
import type { Track } from '../../src/contracts/track.ts';

export const ZONE_DEFAULTS: Omit<ZonePlan, 'polygon'> = {
  anchor: 'bottom_centre',
  min_overlap: 0.5,
  margin: 0.1,
  enter_s: 0.2,
  exit_s: 0.5,
  left_labels: ['backpack', 'handbag', 'suitcase'],
  reset: 'never',
};

export const LINE_DEFAULTS: Omit<LinePlan, 'points'> = {
  anchor: 'bottom_centre',
  to_right: 'in',
  to_left: 'out',
  margin: 0.1,
  debounce_s: 0,
  reset: 'never',
};

export const RULE_DEFAULTS: Omit<RulePlan, 'when' | 'action'> = {
  for_s: 0,
  release_s: 1,
  cooldown_s: 0,
  once_per_track: false,
  quiet: [],
};

export const ACTION_DEFAULTS: Omit<RulePlan['action'], 'event'> = {
  severity: 'warning',
  alerts: [],
  still: false,
  clip: false,
};

export const START_MS: number = Date.UTC(2026, 0, 5, 12);

export function lineOf(a: Point, b: Point, overrides: Partial<LinePlan> = {}): LinePlan {
  return { ...LINE_DEFAULTS, points: [a, b], ...overrides };
}

export function zoneOf(polygon: readonly Point[], overrides: Partial<ZonePlan> = {}): ZonePlan {
  return { ...ZONE_DEFAULTS, polygon, ...overrides };
}

export function planOf(overrides: Partial<ScenePlan> = {}): ScenePlan {
  return { zones: {}, lines: {}, masks: [], timezone: 'UTC', ...overrides };
}

/** Evenly between both: `fc.double` prefers numbers near 0, which are all in one corner of the picture. */
export function between(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 1_000_000 }).map((n) => min + ((max - min) * n) / 1_000_000);
}

export const SQUARE: readonly Point[] = [
  [0.3, 0.3],
  [0.7, 0.3],
  [0.7, 0.7],
  [0.3, 0.7],
];

/** A track whose foot is at `(x, y)`. */
export function trackAt(x: number, y: number, overrides: Partial<Track> = {}, size = 0.1): Track {
  return {
    id: 'one',
    trackId: 1,
    phase: 'confirmed',
    label: 'person',
    score: 0.9,
    topScore: 0.9,
    box: [x - size / 4, y - size, size / 2, size],
    velocity: [0, 0],
    hits: 10,
    firstMs: START_MS,
    lastMs: START_MS,
    lastPtsNs: 0,
    ...overrides,
  };
}

export interface Step {
  readonly atMs: number;
  readonly tracks: readonly Track[];
  readonly wallMs?: number;
  readonly plan?: ScenePlan;
  readonly changes?: readonly BackgroundChange[];
}

/** Runs a scene and returns everything it said. */
export function play(
  plan: ScenePlan,
  steps: readonly Step[],
  first: SceneState = newScene(),
  aspect = 1,
): { events: SceneEvent[]; state: SceneState } {
  let state = first;
  const events: SceneEvent[] = [];
  for (const step of steps) {
    const result = analyseScene(step.plan ?? plan, state, {
      timeMs: step.atMs,
      wallMs: step.wallMs ?? START_MS + step.atMs,
      aspect,
      tracks: step.tracks,
      ...(step.changes && { changes: step.changes }),
    });
    state = result.state;
    events.push(...result.events);
  }
  return { events, state };
}

/** One object along `path(seconds)` at `fps`, for `durationS`. */
export function walk(
  path: (seconds: number) => Point,
  fps: number,
  durationS: number,
  overrides: Partial<Track> = {},
): Step[] {
  const frames = Math.floor(durationS * fps + 1e-9) + 1;
  return Array.from({ length: frames }, (_, i) => {
    const [x, y] = path(i / fps);
    return { atMs: (i * 1000) / fps, tracks: [trackAt(x, y, overrides)] };
  });
}

export function ofType(events: readonly SceneEvent[], type: SceneEvent['type']): SceneEvent[] {
  return events.filter((event) => event.type === type);
}
