// Chooses the tracker that the configuration names.
import type { Tracker } from '../contracts/track.ts';
import { ByteTrack } from './byte-track.ts';
import type { TrackerOptions } from './lifecycle.ts';
import { OcSort } from './oc-sort.ts';
import type { TrackingConfig } from './tracking-config.ts';

/** A tracker for one camera; it needs no clock, time comes with the frames. */
export function createTracker(config: TrackingConfig, options: TrackerOptions): Tracker {
  return config.tracker === 'oc_sort'
    ? new OcSort(config, options)
    : new ByteTrack(config, options);
}
