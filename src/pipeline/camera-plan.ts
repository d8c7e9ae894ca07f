// From the configuration of a camera to the order that its process gets and the settings that the pipeline uses.
import type { CameraConfig } from '../config/schema/config.ts';
import type { CameraPlan } from './cameras.ts';
import type { CameraSettings } from './pipeline.ts';

/** Frames stay printable for about this many decoded ones; a decoder's own pool is the limit. */
const HELD_FRAMES = 3;

/** Elements that were seen to decode on this machine, by codec; software where there is none. */
export type DecoderElements = Readonly<Record<string, string>>;

export function cameraPlan(id: string, config: CameraConfig, arenaBytes: number): CameraPlan {
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
    heldFrames: HELD_FRAMES,
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
