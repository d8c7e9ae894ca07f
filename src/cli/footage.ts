// The demo's footage: pedestrians seen by a street camera, from Debian's opencv-doc, or a clip that the user names.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AgentError } from '../core/errors.ts';

const DEBIAN_CLIP = '/usr/share/doc/opencv-doc/examples/data/vtest.avi';

export interface DemoCamera {
  readonly id: string;
  readonly file: string;
}

/**
 * Two H.264 files in `folder`: the clip, and its second half mirrored, so that the cameras show different pictures.
 *
 * Encoded once, then served without transcoding. Throws USAGE when there is no footage.
 */
export function prepareFootage(clip: string | undefined, folder: string): DemoCamera[] {
  const source = clip ?? DEBIAN_CLIP;
  if (!existsSync(source)) {
    const problem =
      clip === undefined
        ? `${source} is not there: apt install opencv-doc, or name a clip with --clip`
        : `${clip} does not exist`;
    throw new AgentError('USAGE', { problem });
  }
  const half = String(durationOf(source) / 2);
  return [
    { id: 'street', file: encode(source, join(folder, 'street.mp4'), []) },
    { id: 'mirror', file: encode(source, join(folder, 'mirror.mp4'), ['-ss', half]) },
  ];
}

function durationOf(path: string): number {
  const args = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path];
  const seconds = Number(run('ffprobe', args).trim());
  return Number.isFinite(seconds) ? seconds : 0;
}

/** A key frame each second: a camera that reconnects sees a picture soon. No B-frames, as cameras send. */
function encode(source: string, target: string, seek: readonly string[]): string {
  const filters = seek.length === 0 ? [] : ['-vf', 'hflip'];
  run('ffmpeg', [
    ...['-v', 'error', '-y', ...seek, '-i', source, '-an', ...filters],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '0', '-pix_fmt', 'yuv420p'],
    ...['-force_key_frames', 'expr:gte(t,n_forced)', target],
  ]);
  return target;
}

function run(program: string, args: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: 'utf8' });
  if (result.status === 0) return result.stdout;
  const cause = result.error?.message ?? result.stderr.trim();
  throw new AgentError('USAGE', { problem: `${program} cannot read the footage: ${cause}` });
}
