// Has a camera process decode a clip, as it would decode a camera: what runs there is what counts.
import type { DecoderTrial } from '../contracts/decoder.ts';
import { systemClock } from '../core/clock.ts';
import { Arena } from '../native/arena.ts';
import { CameraChild } from './camera-child.ts';

const LIMIT_MS = 20_000;
const ARENA_BYTES = 1 << 20;

/** `clip` is the path of a byte stream. Takes a few tenths of a second, twenty seconds at most. */
export function tryCameraProcess(
  clip: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<DecoderTrial> {
  const arena = Arena.create(ARENA_BYTES);
  let trial: DecoderTrial = { frames: 0 };
  return new Promise((resolve) => {
    const limit = systemClock.after(LIMIT_MS, () => {
      trial = { ...trial, problem: `a camera process took over ${LIMIT_MS / 1000} s for a clip` };
      child.kill();
    });
    const child = new CameraChild(
      {
        order: {
          ...{ camera: 'probe', session: 'probe', source: clip, transport: 'tcp', decode: 'all' },
          ...{ decoder: 'gstreamer', loop: false, realtime: false, heldFrames: 1 },
          ...{ maxWidthPx: 4096, maxHeightPx: 2304, arenaBytes: ARENA_BYTES },
        },
        ...{ arenaFd: arena.fd, clock: systemClock, environment },
      },
      {
        message: (message) => {
          if (message.kind === 'stream') trial = { ...trial, decoder: message.decoder };
          else if (message.kind === 'frame') {
            trial = { ...trial, frames: trial.frames + 1 };
            child.pass(message.notice.sequence);
          } else if (message.kind === 'ended' && message.end !== 'end_of_stream')
            trial = { ...trial, problem: message.cause };
        },
        unit: () => undefined,
        line: () => undefined,
        gone: (cause) => {
          limit.cancel();
          arena.close();
          const isSilent = trial.decoder === undefined && trial.problem === undefined;
          resolve(isSilent ? { ...trial, problem: cause } : trial);
        },
      },
    );
  });
}
