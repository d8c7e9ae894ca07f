// What an analyser sees of one frame, and what it says about it.
import type { EventType } from '../contracts/event.ts';
import type { Box } from '../contracts/geometry.ts';
import type { Track } from '../contracts/track.ts';

/** Something the motion background says: it was not there before, or it was and is gone. */
export interface StaticChange {
  readonly id: string;
  readonly kind: 'appeared' | 'vanished';
  readonly box: Box;
}

export interface View {
  /** A timeline that only goes forward; all durations are measured on it. */
  readonly timeMs: number;
  /** The world's clock at capture, for schedules and resets; it may jump. */
  readonly wallMs: number;
  /** Frame width / height. */
  readonly aspect: number;
  /** Confirmed and lost ones; tentative ones are ignored. */
  readonly tracks: readonly Track[];
  /** Places where the background changed for good, when somebody watches it. */
  readonly changes?: readonly StaticChange[];
}

export interface SceneEvent {
  readonly type: EventType;
  readonly timeMs: number;
  /** Undefined for events about a place, not an object. */
  readonly track: Track | undefined;
  readonly objectId: string | undefined;
  readonly label: string | undefined;
  readonly zone: string | undefined;
  readonly line: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event about an object in a zone or at a line. */
export function objectEvent(
  type: EventType,
  timeMs: number,
  track: Track,
  place: { zone?: string; line?: string },
  data: Readonly<Record<string, unknown>>,
): SceneEvent {
  return {
    type,
    timeMs,
    track,
    objectId: track.id,
    label: track.label,
    zone: place.zone,
    line: place.line,
    data,
  };
}

/** An event about a place. */
export function placeEvent(
  type: EventType,
  view: View,
  zone: string | undefined,
  data: Readonly<Record<string, unknown>>,
): SceneEvent {
  return {
    type,
    timeMs: view.timeMs,
    track: undefined,
    objectId: undefined,
    label: undefined,
    zone,
    line: undefined,
    data,
  };
}

/** Seconds with one decimal, as events tell durations. */
export function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
