// The pipeline that a configuration asks for: models, streams and sinks joined by its stages.
import type { Config } from '../config/schema/config.ts';
import { ulid } from '../core/ulid.ts';
import type { OpenedModels } from '../infer/open-models.ts';
import { createTracker } from '../track/create-tracker.ts';
import type { TrackingConfig } from '../track/tracking-config.ts';
import type { CameraStreams } from './camera-streams.ts';
import { Pipeline, type PipelineDeps } from './pipeline.ts';
import { SnapshotKeeper, STILL_SLOT_BYTES } from './snapshot.ts';

/** Stills that can be printed at the same time. */
const STILL_SLOTS = 2;
/** Of the arena, besides what models take. */
export const STILL_BYTES: number = STILL_SLOTS * STILL_SLOT_BYTES;

export interface PipelineParts
  extends Pick<PipelineDeps, 'clock' | 'log' | 'metrics' | 'write' | 'onDetections'> {
  readonly config: Config;
  readonly models: OpenedModels;
  readonly streams: CameraStreams;
  /** Asked for each tracker that begins. */
  tracking(): TrackingConfig;
}

/** Reserves `STILL_BYTES`. The keeper also takes stills for people where objects get none. */
export function createPipeline(parts: PipelineParts): {
  readonly pipeline: Pipeline;
  readonly snapshots: SnapshotKeeper;
} {
  const { config, models, streams, tracking, clock, log, ...rest } = parts;
  const { engine, describing, arena } = models;
  const { cameras, clips } = streams;
  const { stills } = config.storage;
  const { batch } = config.runtime;
  const print: PipelineDeps['print'] = (camera, ticket) => cameras.print(camera, ticket);
  const slots = Array.from({ length: STILL_SLOTS }, () => arena.reserve(STILL_SLOT_BYTES));
  const { quality, annotate: isAnnotated } = stills;
  const snapshots = new SnapshotKeeper({ arena, slots, clock, log, quality, isAnnotated, print });
  const pipeline = new Pipeline({
    ...{ device: config.device.name, engine, clips, clock, log, ...rest },
    appearance: describing && { engine: describing, minScore: tracking().high_score },
    snapshots: stills.enabled ? snapshots : undefined,
    maxQueueDelayMs: batch.max_queue_delay_us / 1000,
    preferredBatchSizes: batch.preferred_batch_size,
    createTracker: () => createTracker(tracking(), { idFor: (captureMs) => ulid(captureMs) }),
    print,
    order: (camera, ticket) => cameras.order(camera, ticket),
    wantFramesAt: (camera, ptsMs) => cameras.get(camera)?.wantFramesAt(ptsMs),
  });
  return { pipeline, snapshots };
}
