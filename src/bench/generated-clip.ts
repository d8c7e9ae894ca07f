// A stream to measure with where the user names none: moving shapes and noise, as expensive to decode as a street.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { AgentError } from '../core/errors.ts';

/**
 * Four seconds of 1080p30 H.264 at about 4 Mbit/s, a key frame each second and no B-frames, as cameras send. Takes some
 * seconds of every core. Throws USAGE without ffmpeg or its encoder.
 */
export function generateClip(folder: string): string {
  const file = join(folder, 'generated.mp4');
  const picture = 'testsrc2=size=1920x1080:rate=30:duration=4';
  const result = spawnSync(
    'ffmpeg',
    [
      ...[
        '-v',
        'error',
        '-y',
        '-f',
        'lavfi',
        '-i',
        picture,
        '-vf',
        'noise=alls=6:allf=t,format=yuv420p',
      ],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '30'],
      ...['-b:v', '4M', '-maxrate', '4M', '-bufsize', '4M', file],
    ],
    { encoding: 'utf8' },
  );
  if (result.status === 0) return file;
  const cause = result.error?.message ?? result.stderr.trim();
  throw new AgentError('USAGE', {
    problem: `no clip could be generated (${cause}); name one with --clip, or apt install ffmpeg`,
  });
}
