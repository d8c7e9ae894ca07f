// Starts vedette-rtsp-camera, which serves video files as RTSP cameras: for demos, tests and `vedette camera`.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AgentError } from '../core/errors.ts';

const PROGRAM = 'vedette-rtsp-camera';
// src/cli, dist/cli and dist/bin lie equally deep.
const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const KILL_AFTER_MS = 2000;

export interface RtspMount {
  /** What follows `rtsp://host:port/`. */
  readonly path: string;
  readonly file: string;
}

export interface RtspServerOptions {
  readonly mounts: readonly RtspMount[];
  readonly address?: string;
  /** 0 or absent: one that is free. */
  readonly port?: number;
  /** Absent: every file loops for ever. */
  readonly loop?: boolean;
  /** Absent: the files' own rates. */
  readonly fps?: number;
  readonly username?: string;
  readonly password?: string;
}

/** A file as it is served. */
export interface ServedClip {
  readonly path: string;
  readonly url: string;
  readonly frames: number;
  readonly fps: number;
  /** RTP does not carry the file's codec as it is, so it was encoded anew when the server started. */
  readonly transcoded: boolean;
}

export interface RtspServer {
  readonly clips: readonly ServedClip[];
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  kill(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface RtspCamera extends RtspServer {
  /** Without credentials. */
  readonly url: string;
}

/** Serves one file. The process ends with this one, however that ends. */
export async function startRtspCamera(
  options: Omit<RtspServerOptions, 'mounts'> & RtspMount,
): Promise<RtspCamera> {
  const { path: mount, file, ...rest } = options;
  const server = await startRtspServer({ ...rest, mounts: [{ path: mount, file }] });
  return { ...server, url: server.clips[0]?.url ?? '' };
}

/** Resolves when clients can connect; every file has been read by then. */
export async function startRtspServer(options: RtspServerOptions): Promise<RtspServer> {
  const {
    address = '127.0.0.1',
    port = 0,
    loop = true,
    fps,
    username = '',
    password = '',
  } = options;
  const child = spawn(
    findProgram(),
    [
      ...['--address', address, '--port', String(port)],
      ...(loop ? ['--loop'] : []),
      ...(fps === undefined ? [] : ['--fps', String(fps)]),
      ...options.mounts.map((mount) => `${mount.path}=${path.resolve(mount.file)}`),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, VEDETTE_CAMERA_USER: username, VEDETTE_CAMERA_PASSWORD: password },
    },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ready = await readAnnouncement(child);
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address;
  return {
    clips: ready.clips.map((clip) => ({
      ...clip,
      url: `rtsp://${host}:${ready.port}/${clip.path}`,
    })),
    port: ready.port,
    pid: child.pid ?? 0,
    ended,
    kill: (signal) => void child.kill(signal),
    stop: () => stop(child, ended),
  };
}

interface Announcement {
  readonly port: number;
  readonly clips: readonly Omit<ServedClip, 'url'>[];
}

/** Reads the program's lines until it listens; what it said instead becomes the error. */
function readAnnouncement(child: ChildProcess): Promise<Announcement> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the program has no output');
  return new Promise((resolve, reject) => {
    const clips: Omit<ServedClip, 'url'>[] = [];
    let complaint = '';
    stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    createInterface({ input: stdout }).on('line', (line) => {
      const record = JSON.parse(line) as { port: number } | Omit<ServedClip, 'url'>;
      if ('port' in record) resolve({ port: record.port, clips });
      else clips.push(record);
    });
    child.once('error', reject);
    child.once('close', (status, signal) => {
      const problem = complaint.trim() || `${PROGRAM} ended with ${signal ?? status}`;
      reject(new AgentError('USAGE', { problem }));
    });
  });
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  child.kill('SIGCONT');
  const force = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  await ended;
  clearTimeout(force);
}

function findProgram(): string {
  const folders = [`native/prebuilds/linux-${process.arch}`, 'build/native'];
  const candidates = folders.map((folder) => path.join(packageRoot, folder, PROGRAM));
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  throw new AgentError('NATIVE_UNAVAILABLE', {
    name: PROGRAM,
    cause: `it is built only where gst-rtsp-server is installed (Debian: apt install libgstrtspserver-1.0-dev); looked in ${folders.join(', ')}`,
  });
}
