// From the configuration of a camera to the order that its process gets and the settings that the pipeline uses.
import type { CameraConfig } from '../config/schema/config.ts';
import type { CameraPlan } from './cameras.ts';
import type { CameraSettings } from './pipeline.ts';

/** What the agent offers every camera: the arena's size, and how many frames can be under way to the model at once. */
export interface PlanLimits {
  readonly arenaBytes: number;
  readonly framesUnderWay: number;
}

/** A ticket may be a few frames late; beyond the upper bound a decoder's own pool runs dry. */
const HELD_FRAMES = { least: 3, most: 6 } as const;

/** Elements that were seen to decode on this machine, by codec; software where there is none. */
export type DecoderElements = Readonly<Record<string, string>>;

/** A still is wanted when the result is there: until then the frame must not be let go. */
export function cameraPlan(id: string, config: CameraConfig, limits: PlanLimits): CameraPlan {
  const { arenaBytes, framesUnderWay } = limits;
  const { least, most } = HELD_FRAMES;
  const [maxWidthPx, maxHeightPx] = config.max_size;
  return {
    camera: id,
    source: config.url,
    ...(config.username !== undefined && { username: config.username }),
    ...(config.password !== undefined && { password: config.password }),
    transport: config.transport,
    decoder: config.decoder === 'ffmpeg' ? 'ffmpeg' : 'gstreamer',
    loop: config.loop,
    realtime: config.realtime,
    maxWidthPx,
    maxHeightPx,
    heldFrames: Math.min(most, Math.max(least, framesUnderWay + 1)),
    arenaBytes,
    isEnabled: config.enabled,
  };
}

/** `minScore` is what the tracker still makes use of: weak detections continue tracks. */
export function cameraSettings(config: CameraConfig, minScore: number): CameraSettings {
  return {
    fps: config.fps,
    minScore,
    labels: config.labels && new Set(config.labels),
  };
}
