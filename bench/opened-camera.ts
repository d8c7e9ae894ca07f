// A camera process as it gets installed, opened by hand, and the streams that benches give it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { cameraEnvironment } from '../src/cli/camera-environment.ts';
import { prepareFootage } from '../src/cli/footage.ts';
import { WHOLE_FRAME } from '../src/contracts/geometry.ts';
import type { CameraOrder, PrintFormat } from '../src/contracts/ticket.ts';
import { systemClock } from '../src/core/clock.ts';
import { Arena } from '../src/native/arena.ts';
import { CameraChild } from '../src/pipeline/camera-child.ts';
import { noticeEveryMs } from '../src/pipeline/frame-rate.ts';

export const STREAM_FPS = 30;
export const WANTED_FPS = 5;
/** As a detector's input, and as many frames held as with two sessions of two batch sets. */
const PRINTED: PrintFormat = {
  ...{ widthPx: 416, heightPx: 416, layout: 'planar', order: 'rgb', dtype: 'uint8' },
  ...{ fit: 'corner', pad: 114, mean: [0, 0, 0], scale: [1, 1, 1] },
};
const HELD_WHEN_PRINTED = 5;
const INFERENCE_MS = 20;

/** As camera streams are: 1080p30 at about 4 Mbit/s, a key frame each second. The file lies in `folder`. */
export function encodeStream(
  clip: string | undefined,
  folder: string,
  { name = 'plain', seconds = 14, options = ['-bf', '0'] as readonly string[] } = {},
): string {
  const source = prepareFootage(clip, folder)[0]!.file;
  const file = join(folder, `${name}.mp4`);
  const { status, stderr } = spawnSync('ffmpeg', [
    ...['-v', 'error', '-y', '-stream_loop', '-1', '-i', source, '-an'],
    ...['-t', String(seconds), '-r', String(STREAM_FPS)],
    ...['-vf', 'scale=1920:1080,noise=alls=6:allf=t', '-c:v', 'libx264', '-preset', 'veryfast'],
    ...['-b:v', '4M', '-maxrate', '5M', '-bufsize', '4M', '-g', String(STREAM_FPS), ...options],
    file,
  ]);
  if (status !== 0) throw new Error(String(stderr));
  return file;
}

export interface OpenedCamera {
  readonly pid: number;
  /** False once the process is gone. */
  isRunning(): boolean;
  close(): Promise<void>;
}

/** One process after it gave its first frame. With `prints`, each frame that is told of is printed. */
export async function openCamera(
  source: string,
  changes: Partial<CameraOrder> = {},
  { everyMs = noticeEveryMs(WANTED_FPS), prints = false, units = false } = {},
): Promise<OpenedCamera> {
  const arena = Arena.create(1 << 20);
  let frames = 0;
  let isRunning = true;
  const child = new CameraChild(
    {
      order: {
        ...{ camera: 'bench', session: 'bench', source, transport: 'tcp', decoder: 'gstreamer' },
        ...{ decode: 'all', loop: true, realtime: true, maxWidthPx: 1920, maxHeightPx: 1088 },
        ...{ heldFrames: prints ? HELD_WHEN_PRINTED : 3, arenaBytes: arena.bytes, ...changes },
      },
      arenaFd: arena.fd,
      clock: systemClock,
      environment: cameraEnvironment(process.env),
    },
    {
      message: (message) => {
        if (message.kind !== 'frame') return;
        frames += 1;
        const ticket = {
          sequence: message.notice.sequence,
          rectangle: WHOLE_FRAME,
          format: PRINTED,
        };
        if (!prints) return;
        const job = child.order({ ...ticket, offset: 0, orNewer: true });
        setTimeout(() => job.result(), INFERENCE_MS);
      },
      unit: () => undefined,
      line: (text) => console.error(text),
      gone: (cause) => {
        isRunning = false;
        if (!child.isClosing) console.error(`the camera process is gone: ${cause}`);
      },
    },
  );
  child.noticeEvery(everyMs);
  if (units) child.wantEncoded(true);
  while (frames === 0 && isRunning) await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    pid: child.pid ?? 0,
    isRunning: () => isRunning,
    close: async () => {
      await child.close();
      arena.close();
    },
  };
}
