// `vedette explain`: what two looks at a running agent, a moment apart, say of one camera.
import type { CameraStatus, RecordStatus } from '../contracts/camera.ts';
import type { SkipCause } from './lane.ts';

/** Counters as they stand at one moment; all of them only grow while a camera runs. */
export interface CameraSample {
  readonly atMs: number;
  readonly decoded: number;
  readonly inferred: number;
  readonly printedBytes: number;
  readonly refusedPrints: number;
  readonly skipped: Readonly<Record<SkipCause, number>>;
  /** CPU time of its process; 0 when there is none. */
  readonly processCpuMs: number;
  /** The same of the process that receives the recorded stream. */
  readonly recordCpuMs: number;
  /** Frames of all cameras, and the time that the sessions were busy with them. */
  readonly allInferred: number;
  readonly sessionBusyMs: number;
}

export interface CameraFacts {
  readonly status: CameraStatus;
  /** Analysed frames per second that the configuration asks for while something moves. */
  readonly wantedFps: number;
  readonly isPaused: boolean;
  readonly model: string;
  readonly provider: string;
  readonly sessions: number;
  readonly batch: number;
}

/** What `explain` answers; rates are per second of the time between the two looks. */
export interface CameraExplanation {
  readonly camera: string;
  readonly state: CameraStatus['state'];
  readonly since: string;
  readonly last_error: string | null;
  readonly next_attempt: string | null;
  readonly decode: {
    readonly decoder: string | null;
    readonly fallback: string | null;
    readonly codec: string | null;
    readonly frame_size: readonly [number, number] | null;
    readonly fps: number;
    /** Of one core: decoding, motion and printing. */
    readonly cpu_percent: number;
  };
  readonly schedule: {
    readonly wanted_fps: number;
    readonly inferred_fps: number;
    readonly skipped_per_s: Readonly<Record<string, number>>;
    readonly refused_prints_per_s: number;
  };
  readonly copies: {
    /** All stages together. */
    readonly bytes_per_inferred_frame: number;
    /** Against an uncompressed 4:2:0 frame. */
    readonly share_of_frame: number | null;
    /** Of stage `decode` what FFmpeg hands over through a pipe, every decoded frame of it; GStreamer's frames stay where they are. */
    readonly by_stage: { readonly decode: number; readonly batch: number };
  };
  readonly inference: {
    readonly model: string;
    readonly provider: string;
    readonly sessions: number;
    readonly batch: number;
    readonly ms_per_frame: number;
    /** Of what all sessions can do: this camera's part, and everybody's. */
    readonly share_percent: number;
    readonly busy_percent: number;
  };
  /** The stream that clips are made of, when it is not the decoded one; null: there is none. */
  readonly record: (RecordStatus & { readonly cpu_percent: number }) | null;
  readonly bottleneck: string;
}

/** Less than this share of what is wanted is a shortage; above it, jitter of the count. */
const ENOUGH = 0.9;

export function explainCamera(
  before: CameraSample,
  after: CameraSample,
  facts: CameraFacts,
): CameraExplanation {
  const { status } = facts;
  const seconds = Math.max(1e-3, (after.atMs - before.atMs) / 1000);
  const perS = (key: NumericKey) => round((after[key] - before[key]) / seconds);
  const inferred = after.inferred - before.inferred;
  const perInferred = (bytes: number) => (inferred === 0 ? 0 : Math.round(bytes / inferred));
  const copies = {
    decode: perInferred((after.decoded - before.decoded) * pipedBytes(status)),
    batch: perInferred(after.printedBytes - before.printedBytes),
  };
  const copied = copies.decode + copies.batch;
  const busyMs = after.sessionBusyMs - before.sessionBusyMs;
  const frames = after.allInferred - before.allInferred;
  const msPerFrame = frames === 0 ? 0 : busyMs / frames;
  const sessionMs = seconds * 1000 * facts.sessions;
  const explanation = {
    camera: status.camera,
    state: status.state,
    since: status.since,
    last_error: status.last_error,
    next_attempt: status.next_attempt,
    decode: {
      decoder: status.decoder,
      fallback: status.decoder_fallback,
      codec: status.codec,
      frame_size: status.frame_size,
      fps: perS('decoded'),
      cpu_percent: round(perS('processCpuMs') / 10),
    },
    schedule: {
      wanted_fps: facts.wantedFps,
      inferred_fps: perS('inferred'),
      skipped_per_s: skipsPerS(before, after, seconds),
      refused_prints_per_s: perS('refusedPrints'),
    },
    copies: {
      bytes_per_inferred_frame: copied,
      share_of_frame: shareOfFrame(copied, status.frame_size),
      by_stage: copies,
    },
    inference: {
      model: facts.model,
      provider: facts.provider,
      sessions: facts.sessions,
      batch: facts.batch,
      ms_per_frame: round(msPerFrame),
      share_percent: round((100 * inferred * msPerFrame) / sessionMs),
      busy_percent: round((100 * busyMs) / sessionMs),
    },
    record: status.record
      ? { ...status.record, cpu_percent: round(perS('recordCpuMs') / 10) }
      : null,
  };
  return { ...explanation, bottleneck: bottleneck(explanation, facts) };
}

type NumericKey = {
  [K in keyof CameraSample]: CameraSample[K] extends number ? K : never;
}[keyof CameraSample];
type Size = CameraStatus['frame_size'];
type Measured = Omit<CameraExplanation, 'bottleneck'>;

/** The first thing on the frame's way that gives less than the next one wants. */
function bottleneck({ state, decode, schedule, inference }: Measured, facts: CameraFacts): string {
  const { wantedFps, isPaused } = facts;
  if (state !== 'live') return `source: the camera is ${state}`;
  if (isPaused) return 'none: analysis is switched off for this camera';
  if (decode.fps < wantedFps * ENOUGH) {
    return `source: ${decode.fps} frames/s come, ${wantedFps} are wanted`;
  }
  const { still = 0, overload = 0 } = schedule.skipped_per_s;
  if (schedule.inferred_fps >= wantedFps * ENOUGH) return 'none: every wanted frame is inferred';
  if (schedule.refused_prints_per_s > 0) {
    return 'camera process: frames are gone before they can be printed';
  }
  if (overload > 0) {
    return `inference: the sessions are ${inference.busy_percent} % busy and cannot serve ${wantedFps} frames/s`;
  }
  if (still > 0) return 'none: little moves, so fewer frames are wanted';
  return `schedule: ${schedule.inferred_fps} of ${wantedFps} wanted frames/s are inferred`;
}

function skipsPerS(
  before: CameraSample,
  after: CameraSample,
  seconds: number,
): Record<string, number> {
  const causes = Object.entries(after.skipped) as [SkipCause, number][];
  return Object.fromEntries(
    causes.map(([cause, count]) => [cause, round((count - before.skipped[cause]) / seconds)]),
  );
}

function shareOfFrame(bytes: number, size: Size): number | null {
  return size === null ? null : round(bytes / frameBytes(size));
}

/** For each decoded frame. */
function pipedBytes({ decoder, frame_size: size }: CameraStatus): number {
  return decoder?.startsWith('ffmpeg ') && size !== null ? frameBytes(size) : 0;
}

function frameBytes([width, height]: NonNullable<Size>): number {
  return width * height * 1.5;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
