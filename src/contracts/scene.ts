// What is watched in a scene: zones, lines, masks and the ground, as the configuration says it.
import type { Point } from './geometry.ts';

/** When counters begin anew, by the wall clock of the configured time zone. */
export type ResetSchedule = 'never' | 'hourly' | 'daily' | 'weekly' | 'monthly';

/** Which point of an object decides where it is. People and vehicles stand where their box ends. */
export type Anchor = 'bottom_centre' | 'centre' | 'overlap';

/** Objects that are meant; every part that is absent allows everything. */
export interface ObjectFilter {
  readonly labels?: readonly string[];
  /** Box area as a share of the picture. */
  readonly min_area?: number;
  readonly max_area?: number;
  readonly min_score?: number;
}

export interface ZonePlan extends ObjectFilter {
  readonly polygon: readonly Point[];
  readonly anchor: Anchor;
  /** With anchor `overlap`: share of the box that must lie inside. */
  readonly min_overlap: number;
  /** An object inside leaves only when it is this far outside, in heights of its box. */
  readonly margin: number;
  /** How long it must be inside, or outside, before that is believed. */
  readonly enter_s: number;
  readonly exit_s: number;
  readonly loiter_s?: number;
  readonly crowd?: { readonly count: number; readonly for_s: number };
  readonly absence_s?: number;
  readonly stationary_s?: number;
  /** Degrees on the picture, clockwise from upwards; movement against it is `wrong_way`. */
  readonly direction?: number;
  readonly max_speed_kmh?: number;
  /** Things left behind or taken away, after this time. */
  readonly left_s?: number;
  readonly left_labels: readonly string[];
  readonly reset: ResetSchedule;
}

export interface LinePlan extends ObjectFilter {
  readonly points: readonly [Point, Point];
  readonly anchor: Exclude<Anchor, 'overlap'>;
  /** What crossing to the right, and to the left, is called; seen from the first point towards the second. */
  readonly to_right: string;
  readonly to_left: string;
  /** An object has crossed when it is this far beyond the line, in heights of its box. */
  readonly margin: number;
  /** It must stay beyond for this long; turning back in between is no crossing. */
  readonly debounce_s: number;
  /** The only direction that is allowed; the other one is `wrong_way`. */
  readonly allowed?: string;
  /** Two that cross in the same direction within this time are `tailgating`. */
  readonly tailgating_s?: number;
  readonly reset: ResetSchedule;
}

/** Four points of a flat ground, and where they are in metres, in the same order. */
export interface GroundPlan {
  readonly picture: readonly [Point, Point, Point, Point];
  readonly metres: readonly [Point, Point, Point, Point];
}

export interface ScenePlan {
  readonly zones: Readonly<Record<string, ZonePlan>>;
  readonly lines: Readonly<Record<string, LinePlan>>;
  /** Areas in which nothing is looked at. */
  readonly masks: readonly (readonly Point[])[];
  readonly ground?: GroundPlan;
  /** IANA name; resets and schedules follow its wall clock. */
  readonly timezone: string;
}
