// Rules as people write them: `when` something is so, `then` tell somebody.
import type { EventType } from './event.ts';

export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Day = (typeof DAYS)[number];

/** An operator and a number. */
export const COMPARISON: RegExp = /^\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$/;
/** Hours and minutes of beginning and end. */
export const WINDOW: RegExp = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/** `'>= 3'`, `'< 0.5'`, `'== 2'`; a bare number means "at least". */
export type Comparison = string | number;

/** Objects in view that fit every part; it holds when `count` of them do (at least one without `count`). */
export interface ObjectsCondition {
  readonly label?: string;
  readonly zone?: string;
  /** Seconds since it entered `zone`. */
  readonly dwell_s?: Comparison;
  /** Seconds since it last moved. */
  readonly still_s?: Comparison;
  readonly speed_kmh?: Comparison;
  readonly count?: Comparison;
}

/** True in the one frame in which it happens. */
export interface EventCondition {
  readonly event: EventType;
  readonly zone?: string;
  readonly line?: string;
  readonly direction?: string;
  readonly label?: string;
}

/** A running total since its last reset. */
export interface CounterCondition {
  readonly counter: {
    readonly zone?: string;
    readonly line?: string;
    /** A direction of the line, or `enter`/`exit` of the zone. */
    readonly kind: string;
    readonly label?: string;
  };
  readonly total: Comparison;
}

/** `'22:00-06:00'` in the time zone of the device; `days` are those on which the window begins. */
export interface TimeCondition {
  readonly time: string;
  readonly days?: readonly Day[];
}

/** `up`, `down`, or its height in degrees (`'< -6'` is the end of twilight). */
export interface SunCondition {
  readonly sun: 'up' | 'down' | Comparison;
}

/** One after the other, the last at most `within_s` after the first. */
export interface SequenceCondition {
  readonly sequence: readonly Condition[];
  readonly within_s: number;
  /** All steps are about the same object. */
  readonly same_object?: boolean;
}

export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | SequenceCondition
  | EventCondition
  | CounterCondition
  | TimeCondition
  | SunCondition
  | ObjectsCondition;

export interface RulePlan {
  /** Cameras it applies to, each for itself; absent means all. */
  readonly cameras?: readonly string[];
  readonly when: Condition;
  /** How long it must hold before it fires. */
  readonly for_s: number;
  /** It fires again only after it has not held for this long. */
  readonly release_s: number;
  readonly cooldown_s: number;
  /** An object that it fired for does not make it fire again. */
  readonly once_per_track: boolean;
  /** While one of these holds, nothing fires; what still holds afterwards does. */
  readonly quiet: readonly TimeCondition[];
  /** `then` in YAML. */
  readonly action: {
    readonly event: string;
    readonly severity: 'info' | 'warning' | 'critical';
    /** Receivers of section `alerts`; empty means those that ask for rule events. */
    readonly alerts: readonly string[];
    readonly still: boolean;
    readonly clip: boolean;
  };
}

export type Rules = Readonly<Record<string, RulePlan>>;
