// The stream that benches measure with: Debian's street clip as a camera sends it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { prepareFootage } from '../src/cli/footage.ts';

export interface StreetClip {
  readonly fps: number;
  readonly seconds: number;
}

/** 1080p H.264 at about 4 Mbit/s, a key frame each second, no B-frames. Takes a third of its length on two cores. */
export function streetClip(folder: string, { fps, seconds }: StreetClip): string {
  const source = prepareFootage(undefined, folder)[0]!.file;
  const file = join(folder, `street-${fps}.mp4`);
  const { status, stderr } = spawnSync('ffmpeg', [
    ...['-v', 'error', '-y', '-stream_loop', '-1', '-i', source, '-an'],
    ...['-t', String(seconds), '-r', String(fps)],
    ...['-vf', 'scale=1920:1080,noise=alls=6:allf=t', '-c:v', 'libx264', '-preset', 'veryfast'],
    ...['-b:v', '4M', '-maxrate', '5M', '-bufsize', '4M', '-g', String(fps), '-bf', '0', file],
  ]);
  if (status !== 0) throw new Error(String(stderr));
  return file;
}
