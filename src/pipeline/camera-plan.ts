// From the configuration of a camera to the order that its process gets and the settings that the pipeline uses.
import type { CameraConfig } from '../config/schema/config.ts';
import type { HardwareDecoders } from '../contracts/decoder.ts';
import type { DecoderChoice } from '../contracts/hardware.ts';
import type { CameraOrder, MotionOrder } from '../contracts/ticket.ts';
import type { CameraSettings } from './pipeline.ts';
import { parseSource } from './source.ts';

/** A camera's order without what only its supervisor knows: the session, and what failed before. */
export type CameraPlan = Omit<CameraOrder, 'session'> & {
  readonly isEnabled: boolean;
  /** FFmpeg may try what GStreamer cannot open. */
  readonly mayUseFfmpeg?: boolean;
};

/** What the agent offers every camera: the arena's size, and how many frames can be under way to the model at once. */
export interface PlanLimits {
  readonly arenaBytes: number;
  readonly framesUnderWay: number;
  /** What was tried on this machine, best first. */
  readonly decoders: readonly DecoderChoice[];
}

/** A ticket may be a few frames late; beyond the upper bound a decoder's own pool runs dry. */
const HELD_FRAMES = { least: 3, most: 6 } as const;

/** A still is wanted when the result is there: until then the frame must not be let go. */
export function cameraPlan(id: string, config: CameraConfig, limits: PlanLimits): CameraPlan {
  const { arenaBytes, framesUnderWay } = limits;
  const { least, most } = HELD_FRAMES;
  const [maxWidthPx, maxHeightPx] = config.max_size;
  const decoder = config.decoder === 'ffmpeg' ? 'ffmpeg' : 'gstreamer';
  const decoders = config.hardware ? decodersOf(decoder, limits.decoders) : {};
  return {
    camera: id,
    source: config.url,
    ...(config.username !== undefined && { username: config.username }),
    ...(config.password !== undefined && { password: config.password }),
    transport: config.transport,
    decoder,
    mayUseFfmpeg: config.decoder === 'auto',
    ...(Object.keys(decoders).length > 0 && { decoders }),
    decode: config.decode,
    loop: config.loop,
    realtime: config.realtime,
    maxWidthPx,
    maxHeightPx,
    ...(config.motion.enabled && { motion: motionOrder(config.motion) }),
    heldFrames: Math.min(most, Math.max(least, framesUnderWay + 1)),
    arenaBytes,
    isEnabled: config.enabled,
  };
}

/** For the stream that clips are made of, when it is one of its own: nothing of it is decoded or printed. */
export function recordPlan(id: string, config: CameraConfig): CameraPlan | undefined {
  const { record } = config.streams ?? {};
  if (record === undefined) return undefined;
  const [maxWidthPx, maxHeightPx] = record.max_size;
  return {
    camera: id,
    source: record.url,
    ...(record.username !== undefined && { username: record.username }),
    ...(record.password !== undefined && { password: record.password }),
    transport: record.transport,
    decoder: 'gstreamer',
    decode: 'none',
    loop: config.loop,
    realtime: true,
    maxWidthPx,
    maxHeightPx,
    heldFrames: 0,
    arenaBytes: 0,
    isEnabled: config.enabled,
  };
}

/** It goes on whether somebody looks or not; a file that began before the model is there would begin without it. */
export function isLive({ url }: Pick<CameraConfig, 'url'>): boolean {
  const source = parseSource(url);
  return 'kind' in source && source.kind !== 'file';
}

function motionOrder({ threshold, fade_s, masks }: CameraConfig['motion']): MotionOrder {
  return { threshold, fadeSeconds: fade_s, masks };
}

function decodersOf(
  via: DecoderChoice['via'],
  choices: readonly DecoderChoice[],
): HardwareDecoders {
  const usable = choices.filter((one) => one.usable && one.hardware && one.via === via);
  return Object.fromEntries(usable.toReversed().map(({ codec, name }) => [codec, name]));
}

/** `minScore` is what the tracker still makes use of: weak detections continue tracks. */
export function cameraSettings(config: CameraConfig, minScore: number): CameraSettings {
  return {
    fps: config.fps,
    idleFps: config.idle_fps,
    minFps: config.min_fps,
    priority: config.priority,
    isPaced: config.realtime || isLive(config),
    hasRegions: config.regions,
    minScore,
    labels: config.labels && new Set(config.labels),
  };
}
