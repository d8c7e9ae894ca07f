// What an analyser sees of one frame, and what it says about it.
import type { EventType } from '../contracts/event.ts';
import type { BackgroundChange } from '../contracts/frame.ts';
import type { Track } from '../contracts/track.ts';

export interface View {
  /** A timeline that only goes forward; all durations are measured on it. */
  readonly timeMs: number;
  /** The world's clock at capture, for schedules and resets; it may jump. */
  readonly wallMs: number;
  /** Frame width / height. */
  readonly aspect: number;
  /** Confirmed and lost ones; tentative ones are ignored. */
  readonly tracks: readonly Track[];
  /** Where the background changed for good; absent when nobody watches it. */
  readonly changes?: readonly BackgroundChange[];
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
