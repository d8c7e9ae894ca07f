// What it costs to keep one camera decoded: camera processes beside `ffmpeg -f null` on the same stream, at the same speed.
//
// npm run bench:decode -- [--clip FILE] [--rounds N] [--seconds N] [--only a,b] [--json]. The stream is the clip scaled to
// 1080p30 at about 4 Mbit/s, with a key frame each second; a second one has B-frames. Where a row does not say so nobody prints:
// that is decoding alone, and telling the agent (this process) of the frames that it could want at 5 fps. The processes are those
// that get installed (bench/installed.mjs), in the environment that the agent gives them.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRtspServer } from '../src/cli/rtsp-camera.ts';
import type { CameraOrder } from '../src/contracts/ticket.ts';
import { cpuMs, pssMb } from '../src/hw/process-usage.ts';
import { median } from './median.ts';
import { encodeStream, openCamera, STREAM_FPS } from './opened-camera.ts';

const SETTLE_MS = 3000;
const { values } = parseArgs({
  options: {
    clip: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    only: { type: 'string' },
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

async function camera(
  source: string,
  changes: Partial<CameraOrder> = {},
  how: { everyMs?: number; prints?: boolean; count?: number } = {},
): Promise<Sample> {
  const opened = await Promise.all(
    Array.from({ length: how.count ?? 1 }, () => openCamera(source, changes, how)),
  );
  const sample = await used(opened.map(({ pid }) => pid));
  await Promise.all(opened.map((one) => one.close()));
  return sample;
}

async function ffmpeg(input: readonly string[], threads = '1'): Promise<Sample> {
  const args = ['-v', 'error', '-nostdin', '-threads', threads, ...input];
  const program = spawn('ffmpeg', [...args, '-an', '-vsync', 'passthrough', '-f', 'null', '-'], {
    stdio: 'inherit',
  });
  await pause(1000);
  const sample = await used([program.pid ?? 0]);
  await stop(program);
  return sample;
}

/** The mean of the processes. */
async function used(pids: readonly number[]): Promise<Sample> {
  const mean = (figure: (pid: number) => number): number =>
    pids.reduce((sum, pid) => sum + figure(pid), 0) / pids.length;
  await pause(SETTLE_MS);
  const from = { cpu: mean(cpuMs), own: process.cpuUsage(), ms: performance.now() };
  await pause(windowMs);
  const frames = ((performance.now() - from.ms) * STREAM_FPS) / 1000;
  const { user, system } = process.cpuUsage(from.own);
  return {
    cpuMs: (mean(cpuMs) - from.cpu) / frames,
    agentMs: (user + system) / 1000 / frames / pids.length,
    pssMb: mean(pssMb),
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
  const seconds = Number(values.seconds) + 8;
  const plain = encodeStream(values.clip, folder, { seconds });
  const bFrames = encodeStream(values.clip, folder, {
    ...{ name: 'b-frames', seconds },
    options: ['-bf', '2', '-x264-params', 'b-pyramid=none'],
  });
  const mounts = [{ path: 'cam', file: plain }];
  const server = await startRtspServer({ mounts, username: '', password: '' });
  const url = `rtsp://127.0.0.1:${server.port}/cam`;
  const paced = (file: string): string[] => ['-re', '-i', file];
  const overTcp = ['-rtsp_transport', 'tcp', '-i', url];
  const large = { maxWidthPx: 4096, maxHeightPx: 2304 };
  const contenders: Contender[] = [
    { name: 'ffmpeg, file', beside: 'ffmpeg, file', measure: () => ffmpeg(paced(plain)) },
    { name: 'camera, file', beside: 'ffmpeg, file', measure: () => camera(plain) },
    {
      name: 'camera, file, each frame told',
      beside: 'ffmpeg, file',
      measure: () => camera(plain, {}, { everyMs: 0 }),
    },
    {
      name: 'camera, file, 4K allowed',
      beside: 'ffmpeg, file',
      measure: () => camera(plain, large),
    },
    {
      name: 'camera, file, 5 a second printed',
      beside: 'ffmpeg, file',
      measure: () => camera(plain, {}, { prints: true }),
    },
    {
      name: 'each of 4 cameras, file, 5 a second printed',
      beside: 'ffmpeg, file',
      measure: () => camera(plain, {}, { prints: true, count: 4 }),
    },
    {
      name: 'ffmpeg, file, 2 threads',
      beside: 'ffmpeg, file',
      measure: () => ffmpeg(paced(plain), '2'),
    },
    { name: 'ffmpeg, RTSP', beside: 'ffmpeg, RTSP', measure: () => ffmpeg(overTcp) },
    { name: 'camera, RTSP', beside: 'ffmpeg, RTSP', measure: () => camera(url) },
    {
      name: 'camera, RTSP, each frame told',
      beside: 'ffmpeg, RTSP',
      measure: () => camera(url, {}, { everyMs: 0 }),
    },
    { name: 'ffmpeg, B-frames', beside: 'ffmpeg, B-frames', measure: () => ffmpeg(paced(bFrames)) },
    { name: 'camera, B-frames', beside: 'ffmpeg, B-frames', measure: () => camera(bFrames) },
    {
      name: 'camera, B-frames, decode: reference',
      beside: 'ffmpeg, B-frames',
      measure: () => camera(bFrames, { decode: 'reference' }),
    },
    {
      name: 'camera, decode: key',
      beside: 'ffmpeg, file',
      measure: () => camera(plain, { decode: 'key' }),
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
    core_percent: Number(((cost(name) * STREAM_FPS) / 10).toFixed(1)),
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
