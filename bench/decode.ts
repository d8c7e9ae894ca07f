// What it costs to keep one camera decoded: camera processes beside `ffmpeg -f null` on the same stream, at the same speed.
//
// npm run bench:decode -- [--clip FILE] [--rounds N] [--seconds N] [--only a,b] [--json]. The stream is the clip scaled to
// 1080p30 at about 4 Mbit/s, with a key frame each second; a second one has B-frames. Nobody prints: this is decoding alone, and
// telling the agent (this process) of the frames that it could want at 5 fps.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepareFootage } from '../src/cli/footage.ts';
import { startRtspServer } from '../src/cli/rtsp-camera.ts';
import type { CameraOrder } from '../src/contracts/ticket.ts';
import { systemClock } from '../src/core/clock.ts';
import { cpuMs, pssMb } from '../src/hw/process-usage.ts';
import { Arena } from '../src/native/arena.ts';
import { CameraChild } from '../src/pipeline/camera-child.ts';
import { noticeEveryMs } from '../src/pipeline/frame-rate.ts';
import { median } from './median.ts';

const FPS = 30;
const WANTED_FPS = 5;
const SETTLE_MS = 3000;
const { values } = parseArgs({
  options: {
    clip: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    only: { type: 'string' },
    built: { type: 'boolean' },
    json: { type: 'boolean' },
  },
});
const windowMs = Number(values.seconds) * 1000;
const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));

interface Sample {
  /** Milliseconds of one core per frame of the stream. */
  readonly cpuMs: number;
  /** The same of this process. */
  readonly agentMs: number;
  readonly pssMb: number;
}

interface Contender {
  readonly name: string;
  /** The contender that does the same with nothing around it. */
  readonly beside: string;
  readonly measure: () => Promise<Sample>;
}

/** As camera streams are: the first without B-frames. */
function encode(name: string, ...options: string[]): string {
  const source = prepareFootage(values.clip, folder)[0]!.file;
  const file = join(folder, `${name}.mp4`);
  const { status, stderr } = spawnSync('ffmpeg', [
    ...['-v', 'error', '-y', '-stream_loop', '-1', '-i', source, '-an'],
    ...['-t', String(Number(values.seconds) + 8), '-r', String(FPS)],
    ...['-vf', 'scale=1920:1080,noise=alls=6:allf=t', '-c:v', 'libx264', '-preset', 'veryfast'],
    ...['-b:v', '4M', '-maxrate', '5M', '-bufsize', '4M', '-g', String(FPS), ...options, file],
  ]);
  if (status !== 0) throw new Error(String(stderr));
  return file;
}

async function camera(
  source: string,
  changes: Partial<CameraOrder> = {},
  everyMs = noticeEveryMs(WANTED_FPS),
): Promise<Sample> {
  const arena = Arena.create(1 << 20);
  const built = join(import.meta.dirname, '../dist/pipeline/camera-process.js');
  let frames = 0;
  const child = new CameraChild(
    {
      order: {
        ...{ camera: 'bench', session: 'bench', source, transport: 'tcp', decoder: 'gstreamer' },
        ...{ decode: 'all', loop: true, realtime: true, maxWidthPx: 4096, maxHeightPx: 2304 },
        ...{ heldFrames: 3, arenaBytes: arena.bytes, ...changes },
      },
      arenaFd: arena.fd,
      clock: systemClock,
      ...(values.built && existsSync(built) && { entry: built }),
    },
    {
      message: (message) => {
        if (message.kind === 'frame') frames += 1;
      },
      unit: () => undefined,
      line: (text) => console.error(text),
      gone: () => undefined,
    },
  );
  child.noticeEvery(everyMs);
  while (frames === 0) await pause(20);
  const sample = await used(child.pid ?? 0);
  await child.close();
  arena.close();
  return sample;
}

async function ffmpeg(input: readonly string[], threads = '1'): Promise<Sample> {
  const args = ['-v', 'error', '-nostdin', '-threads', threads, ...input];
  const program = spawn('ffmpeg', [...args, '-an', '-vsync', 'passthrough', '-f', 'null', '-'], {
    stdio: 'inherit',
  });
  await pause(1000);
  const sample = await used(program.pid ?? 0);
  await stop(program);
  return sample;
}

async function used(pid: number): Promise<Sample> {
  await pause(SETTLE_MS);
  const from = { cpu: cpuMs(pid), own: process.cpuUsage(), ms: performance.now() };
  await pause(windowMs);
  const frames = ((performance.now() - from.ms) * FPS) / 1000;
  const { user, system } = process.cpuUsage(from.own);
  return {
    cpuMs: (cpuMs(pid) - from.cpu) / frames,
    agentMs: (user + system) / 1000 / frames,
    pssMb: pssMb(pid),
  };
}

function stop(program: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    program.once('exit', () => resolve());
    program.kill('SIGKILL');
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function run(): Promise<void> {
  const plain = encode('plain', '-bf', '0');
  const bFrames = encode('b-frames', '-bf', '2', '-x264-params', 'b-pyramid=none');
  const mounts = [{ path: 'cam', file: plain }];
  const server = await startRtspServer({ mounts, username: '', password: '' });
  const url = `rtsp://127.0.0.1:${server.port}/cam`;
  const paced = (file: string): string[] => ['-re', '-i', file];
  const overTcp = ['-rtsp_transport', 'tcp', '-i', url];
  const smallBound = { maxWidthPx: 1920, maxHeightPx: 1088 };
  const contenders: Contender[] = [
    { name: 'ffmpeg, file', beside: 'ffmpeg, file', measure: () => ffmpeg(paced(plain)) },
    { name: 'camera, file', beside: 'ffmpeg, file', measure: () => camera(plain, smallBound) },
    {
      name: 'camera, file, each frame told',
      beside: 'ffmpeg, file',
      measure: () => camera(plain, smallBound, 0),
    },
    { name: 'camera, file, 4K allowed', beside: 'ffmpeg, file', measure: () => camera(plain) },
    {
      name: 'ffmpeg, file, 2 threads',
      beside: 'ffmpeg, file',
      measure: () => ffmpeg(paced(plain), '2'),
    },
    { name: 'ffmpeg, RTSP', beside: 'ffmpeg, RTSP', measure: () => ffmpeg(overTcp) },
    { name: 'camera, RTSP', beside: 'ffmpeg, RTSP', measure: () => camera(url, smallBound) },
    {
      name: 'camera, RTSP, each frame told',
      beside: 'ffmpeg, RTSP',
      measure: () => camera(url, smallBound, 0),
    },
    { name: 'ffmpeg, B-frames', beside: 'ffmpeg, B-frames', measure: () => ffmpeg(paced(bFrames)) },
    {
      name: 'camera, B-frames',
      beside: 'ffmpeg, B-frames',
      measure: () => camera(bFrames, smallBound),
    },
    {
      name: 'camera, B-frames, decode: reference',
      beside: 'ffmpeg, B-frames',
      measure: () => camera(bFrames, { ...smallBound, decode: 'reference' }),
    },
    {
      name: 'camera, decode: key',
      beside: 'ffmpeg, file',
      measure: () => camera(plain, { ...smallBound, decode: 'key' }),
    },
  ];
  const wanted = values.only?.split(',');
  const chosen = contenders.filter(
    ({ name, beside }) => wanted?.some((word) => name.includes(word) || beside === name) ?? true,
  );
  const samples = new Map<string, Sample[]>(chosen.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, measure } of chosen) samples.get(name)!.push(await measure());
  }
  await server.stop();
  const cost = (name: string): number => median(samples.get(name)!.map((one) => one.cpuMs));
  const rows = chosen.map(({ name, beside }) => ({
    contender: name,
    cpu_ms_per_frame: Number(cost(name).toFixed(2)),
    agent_ms_per_frame: Number(median(samples.get(name)!.map((one) => one.agentMs)).toFixed(3)),
    core_percent: Number(((cost(name) * FPS) / 10).toFixed(1)),
    ratio: Number((cost(name) / cost(beside)).toFixed(2)),
    pss_mb: Math.round(median(samples.get(name)!.map((one) => one.pssMb))),
  }));
  if (values.json) console.log(JSON.stringify(rows, null, 2));
  else console.table(rows);
}

try {
  await run();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
