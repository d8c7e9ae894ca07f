// Where results go. The pipeline knows this interface; the agent joins it to the sinks.
import type { CameraStatus } from './camera.ts';
import type { EventRecord } from './event.ts';
import type { FrameTracks } from './track.ts';

/** A JPEG that belongs to an event; written before the event that names it. */
export interface Still {
  readonly camera: string;
  readonly label: string;
  readonly object_id: string;
  /** Relative to the stills folder; equals `EventRecord.still`. */
  readonly path: string;
  readonly ts: string;
  readonly jpeg: Uint8Array;
}

/** A piece of a camera's stream as MP4; the event that names it was told at the moment it is about. */
export interface Clip {
  readonly camera: string;
  /** Relative to the clips folder; equals `EventRecord.clip`. */
  readonly path: string;
  /** Capture time of its first picture. */
  readonly ts: string;
  readonly duration_s: number;
  /** The file, in pieces. */
  readonly parts: readonly Uint8Array[];
}

export type SinkRecord =
  | { readonly kind: 'event'; readonly event: EventRecord }
  | { readonly kind: 'still'; readonly still: Still }
  | { readonly kind: 'clip'; readonly clip: Clip }
  | { readonly kind: 'camera'; readonly status: CameraStatus }
  /** Confirmed objects in view now, by label; labels that were seen once stay with 0. */
  | {
      readonly kind: 'count';
      readonly camera: string;
      readonly counts: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'tracks'; readonly tracks: FrameTracks };

export interface SinkHealth {
  readonly state: 'ok' | 'degraded' | 'down';
  /** Records accepted and not yet delivered. */
  readonly backlog: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly lastError: string | null;
}

/** A slow or dead sink delays nobody: `write` only accepts, delivery happens behind it. */
export interface Sink {
  readonly name: string;
  open(): Promise<void>;
  /** Returns at once; never throws. What cannot be kept is counted in `health().dropped`. */
  write(records: readonly SinkRecord[]): void;
  /** Resolves when everything accepted so far is delivered or safely stored, or after `limitMs`. */
  flush(limitMs: number): Promise<void>;
  close(): Promise<void>;
  health(): SinkHealth;
}
