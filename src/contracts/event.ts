// Wire record of everything that happens: the body of `cam/<c>/event`, a row of the events table, an alert.
import type { Box } from './geometry.ts';

export const EVENT_TYPES = [
  'object_new',
  'object_update',
  'object_end',
  'zone_enter',
  'zone_exit',
  'loitering',
  'line_cross',
  'wrong_way',
  'tailgating',
  'speeding',
  'stationary',
  'crowding',
  'crowding_end',
  'absence',
  'absence_end',
  'object_left',
  'object_removed',
  'counter_reset',
  'rule',
  'camera_offline',
  'camera_online',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** Keys are those on the wire; `v` grows when a consumer would have to change. */
export interface EventRecord {
  readonly v: 1;
  readonly event_type: EventType;
  /** Grows by one per event of this device run. */
  readonly seq: number;
  /** ULID of this event. */
  readonly id: string;
  readonly device: string;
  readonly camera: string;
  /** ISO capture time of the frame it comes from. */
  readonly ts: string;
  /** Presentation time of that frame in the stream, nanoseconds. */
  readonly pts_ns: number | null;
  /** The object's ULID and its readable number; null for camera events. */
  readonly object_id: string | null;
  readonly track_id: number | null;
  readonly label: string | null;
  readonly score: number | null;
  readonly top_score: number | null;
  /** Fractions `[x, y, w, h]` of the frame, and the same in pixels of `frame_size`. */
  readonly box: Box | null;
  readonly box_px: readonly [number, number, number, number] | null;
  readonly frame_size: readonly [number, number] | null;
  readonly start_ts: string | null;
  readonly end_ts: string | null;
  /** The frame in which the object was seen best. */
  readonly best: { readonly ts: string; readonly score: number; readonly box: Box } | null;
  /** Path of the JPEG, relative to the stills folder. */
  readonly still: string | null;
  /** Path of the MP4, relative to the clips folder; it is there when the clip is over. */
  readonly clip: string | null;
  readonly zones: readonly string[];
  readonly model: { readonly name: string; readonly sha256: string } | null;
  readonly latency_ms: { readonly capture_to_publish: number } | null;
  /** True when it was kept while the broker was away. */
  readonly replayed: boolean;
  /** What an analyser or rule adds: zone, line, direction, dwell, conditions … */
  readonly data: Readonly<Record<string, unknown>>;
}
