// Vedette beside the script that people write first, on the same clip with the same model, in turns.
//
// node bench/installed.mjs bench/peers.ts [--rounds N] [--seconds N] [--python FILE] [--trixie FOLDER] [--json]. The stream is Debian's
// street clip scaled to 1080p at about 4 Mbit/s. The Python must have OpenCV and ONNX Runtime; both sides run one thread a
// session, one a core. FOLDER: a Debian 13 with GStreamer's onnxinference, which Debian 12 does not have; needs root. Made by
//   mmdebstrap --variant=apt --include=gstreamer1.0-plugins-bad,gstreamer1.0-libav,gstreamer1.0-plugins-good,python3-gi,\
//   gir1.2-gstreamer-1.0 trixie FOLDER
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measurePath } from '../src/bench/path.ts';
import { cameraEnvironment } from '../src/cli/camera-environment.ts';
import { systemClock } from '../src/core/clock.ts';
import { createLog } from '../src/core/log.ts';
import { printFormatOf } from '../src/infer/engine.ts';
import { median } from './median.ts';
import { benchModel } from './models.ts';
import { RUNTIME } from './runtime.ts';
import { streetClip } from './street-clip.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    python: { type: 'string', default: 'python3' },
    trixie: { type: 'string' },
    json: { type: 'boolean' },
  },
});

/** Every frame of two cameras as fast as it goes, four cameras at 5 frames/s, then as many cameras as two cores decode with ease. */
const LOADS = [
  { name: 'every frame, 2 cameras', cameras: 2, fps: 0 },
  { name: '4 cameras at 5 frames/s', cameras: 4, fps: 5 },
  { name: '8 cameras at 2 frames/s', cameras: 8, fps: 2 },
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
/** GStreamer's peer plays it once; at its fastest it does not come to the end. */
const CLIP_SECONDS = 80;
const seconds = Number(values.seconds);
const folder = mkdtempSync(join(tmpdir(), 'vedette-peers-'));
const manifest = benchModel('yolox-nano');
/** The output of YOLOX files. */
const OUTPUT = 'output';

const CONTENDERS: Readonly<Record<string, (clip: string, load: Load) => Promise<Sample>>> = {
  Vedette: vedette,
  'Python, one process a camera': async (clip, load) => python(clip, load, 1),
  'Python, capture apart': async (clip, load) => python(clip, load, 2),
  ...(values.trixie !== undefined && {
    'GStreamer 1.26 onnxinference': async (clip, load) => gstreamer(clip, load, values.trixie!),
  }),
};

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
    mbPerCamera: measured.pssMb / cameras,
  };
}

function python(clip: string, { cameras, fps }: Load, processes: number): Sample {
  const script = join(import.meta.dirname, 'peers/script.py');
  const args = [script, manifest.path, clip, ...[seconds, processes, fps, cameras].map(String)];
  return sampleOf(values.python, args, cameras);
}

/** In a root of its own, and with a /proc that nobody else sees. */
function gstreamer(clip: string, { cameras, fps }: Load, root: string): Sample {
  const inside = '/tmp/vedette-peer';
  const outside = join(root, inside);
  mkdirSync(outside, { recursive: true });
  try {
    cpSync(join(import.meta.dirname, 'peers/gstreamer.py'), join(outside, 'peer.py'));
    cpSync(clip, join(outside, 'clip.mp4'));
    writeFileSync(join(outside, 'model.onnx'), withTensorId(readFileSync(manifest.path)));
    const { widthPx } = printFormatOf(manifest);
    const words = [seconds, fps, cameras, widthPx].join(' ');
    const peer = `python3 ${inside}/peer.py ${inside}/model.onnx ${inside}/clip.mp4 ${words}`;
    const command = `mount -t proc proc "${root}/proc" && exec chroot "${root}" ${peer}`;
    return sampleOf('unshare', ['--mount', 'sh', '-c', command], cameras);
  } finally {
    rmSync(outside, { recursive: true, force: true });
  }
}

/**
 * onnxinference wants an id for the output, as a metadata entry of its name. Protocol buffers that are joined are read as one
 * message, so the entry (field 14 of ModelProto: key 1, value 2) goes to the end.
 */
function withTensorId(model: Buffer): Buffer {
  const field = (number: number, bytes: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  const entry = [field(1, Buffer.from(OUTPUT)), field(2, Buffer.from('yolox'))];
  return Buffer.concat([model, field(14, Buffer.concat(entry))]);
}

function sampleOf(program: string, args: readonly string[], cameras: number): Sample {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} cannot run the peer: ${stderr}`);
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
  const clip = streetClip(folder, { fps: FPS, seconds: CLIP_SECONDS });
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
