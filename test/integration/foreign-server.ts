// An RTSP server that shares no code with GStreamer: VLC. It sends over UDP only.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

export const hasVlc: boolean = spawnSync('sh', ['-c', 'command -v cvlc']).status === 0;

/**
 * Serves `clip` as rtsp://127.0.0.1:PORT/cam. `folder` must be readable by everybody: VLC refuses to run as root.
 *
 * At the end of a file VLC begins a new stream, so the clip is repeated until it outlasts a test.
 */
export function startVlc(clip: string, port: number, folder: string): ChildProcess {
  const file = join(folder, `long-${port}.mp4`);
  execFileSync('ffmpeg', [
    '-v',
    'error',
    '-y',
    '-stream_loop',
    '30',
    '-i',
    clip,
    '-c',
    'copy',
    file,
  ]);
  const output = `#rtp{sdp=rtsp://127.0.0.1:${port}/cam}`;
  const args = ['-I', 'dummy', '--no-dbus', file, '--sout', output];
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  return spawn('cvlc', args, { stdio: 'ignore', env: { ...process.env, HOME: folder }, ...nobody });
}
