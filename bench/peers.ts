// Vedette beside the script that people write first, on the same clip with the same model, in turns.
//
// npm run bench:peers -- [--rounds N] [--seconds N] [--python FILE] [--json]. The stream is Debian's street clip scaled to
// 1080p at about 4 Mbit/s. The Python must have OpenCV and ONNX Runtime; both sides run one thread a session, one a core.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measurePath } from '../src/bench/path.ts';
import { cameraEnvironment } from '../src/cli/camera-environment.ts';
import { prepareFootage } from '../src/cli/footage.ts';
import { systemClock } from '../src/core/clock.ts';
import { createLog } from '../src/core/log.ts';
import { median } from './median.ts';
import { benchModel } from './models.ts';
import { RUNTIME } from './runtime.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    python: { type: 'string', default: 'python3' },
    json: { type: 'boolean' },
  },
});

/** Every frame of two cameras as fast as it goes, then four cameras at 5 frames/s. */
const LOADS = [
  { name: 'every frame, 2 cameras', cameras: 2, fps: 0 },
  { name: '4 cameras at 5 frames/s', cameras: 4, fps: 5 },
] as const;
type Load = (typeof LOADS)[number];

interface Sample {
  readonly fps: number;
  readonly cpuMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly mbPerCamera: number;
}

const CORES = availableParallelism();
const WARM_MS = 20_000;
const FPS = 25;
const seconds = Number(values.seconds);
const folder = mkdtempSync(join(tmpdir(), 'vedette-peers-'));
const manifest = benchModel('yolox-nano');

const CONTENDERS: Readonly<Record<string, (clip: string, load: Load) => Promise<Sample>>> = {
  Vedette: vedette,
  'Python, one process a camera': async (clip, load) => python(clip, load, 1),
  'Python, capture apart': async (clip, load) => python(clip, load, 2),
};

function prepare(): string {
  const source = prepareFootage(undefined, folder)[0]!.file;
  const file = join(folder, '1080p.mp4');
  const { status, stderr } = spawnSync('ffmpeg', [
    ...['-v', 'error', '-y', '-i', source, '-an', '-r', String(FPS)],
    ...['-vf', 'scale=1920:1080,noise=alls=6:allf=t', '-c:v', 'libx264', '-preset', 'veryfast'],
    ...['-b:v', '4M', '-maxrate', '5M', '-bufsize', '4M', '-g', String(FPS), '-bf', '0', file],
  ]);
  if (status !== 0) throw new Error(String(stderr));
  return file;
}

async function vedette(clip: string, { cameras, fps }: Load): Promise<Sample> {
  const measured = await measurePath({
    ...{ clip, manifest, folder, cameras, windowMs: seconds * 1000, settleMs: WARM_MS },
    fps: fps === 0 ? undefined : fps,
    ...{ runtime: RUNTIME, layout: { sessions: CORES, threads: 1, batch: 1 }, clock: systemClock },
    runtimeLibrary: process.env.VEDETTE_ORT,
    environment: cameraEnvironment(process.env),
    log: createLog('error'),
  });
  return {
    fps: measured.fps,
    cpuMs: measured.cpuMsPerFrame,
    p50Ms: measured.latency.p50Ms,
    p95Ms: measured.latency.p95Ms,
    mbPerCamera: (measured.agentRssMb + measured.cameraPssMb * cameras) / cameras,
  };
}

function python(clip: string, { cameras, fps }: Load, processes: number): Sample {
  const script = join(import.meta.dirname, 'peers/script.py');
  const args = [script, manifest.path, clip, ...[seconds, processes, fps, cameras].map(String)];
  const { stdout, stderr, status } = spawnSync(values.python, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${values.python} cannot run the peer: ${stderr}`);
  const said = JSON.parse(stdout.trim().split('\n').at(-1)!) as Record<string, number>;
  return {
    fps: said.frames! / said.seconds!,
    cpuMs: said.cpu_ms! / said.frames!,
    p50Ms: said.p50_ms!,
    p95Ms: said.p95_ms!,
    mbPerCamera: said.pss_mb! / cameras,
  };
}

function row(load: Load, name: string, samples: readonly Sample[]): Record<string, unknown> {
  const of = (key: keyof Sample) => Number(median(samples.map((one) => one[key])).toPrecision(3));
  return {
    load: load.name,
    contender: name,
    fps: of('fps'),
    cpu_ms_per_frame: of('cpuMs'),
    frames_per_core_second: Number((1000 / median(samples.map((one) => one.cpuMs))).toPrecision(3)),
    p50_ms: of('p50Ms'),
    p95_ms: of('p95Ms'),
    mb_per_camera: of('mbPerCamera'),
  };
}

try {
  const clip = prepare();
  const samples = new Map<string, Sample[]>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const load of LOADS) {
      for (const [name, measure] of Object.entries(CONTENDERS)) {
        const key = `${load.name}|${name}`;
        process.stderr.write(`round ${round + 1}: ${load.name}, ${name}\n`);
        samples.set(key, [...(samples.get(key) ?? []), await measure(clip, load)]);
      }
    }
  }
  const rows = LOADS.flatMap((load) =>
    Object.keys(CONTENDERS).map((name) => row(load, name, samples.get(`${load.name}|${name}`)!)),
  );
  if (values.json) process.stdout.write(`${JSON.stringify({ peers: rows }, null, 2)}\n`);
  else console.table(rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
