// How long a camera process may say nothing before it is taken to hang. Pure.

/** Loading libraries is a healthy process's longest silence: once, GStreamer looks at every plugin on a slow card. */
const LOAD_LIMIT_MS = 120_000;
/** From there to the first frame: a handshake, and up to one key frame interval. */
const FIRST_FRAME_LIMIT_MS = 20_000;

/** How far a session has come. */
export interface Progress {
  /** A file that is read as fast as frames are taken stands still while nobody takes any. */
  readonly waitsForReader: boolean;
  readonly isLoaded: boolean;
  readonly hasFrames: boolean;
  /** What the rate of the frames allows; undefined before it is known. */
  readonly stallAfterMs: number | undefined;
  /** Between two frames that are told of. */
  readonly noticeMs: number;
}

export function silenceLimitMs(progress: Progress): number {
  const { waitsForReader, isLoaded, hasFrames, stallAfterMs, noticeMs } = progress;
  if (waitsForReader) return Number.POSITIVE_INFINITY;
  if (!isLoaded) return LOAD_LIMIT_MS;
  if (!hasFrames || stallAfterMs === undefined) return FIRST_FRAME_LIMIT_MS;
  return stallAfterMs + noticeMs;
}
