// What a camera process weighs, and whether it grows: 1080p30 at about 4 Mbit/s with everything on that an agent asks for.
//
// node bench/installed.mjs bench/memory.ts [--clip FILE] [--minutes N] [--every SECONDS] [--only a,b] [--parts]. One process over
// RTSP, one of a file of three seconds that is played again and again at its own speed, both with motion watched, five
// frames a second printed and access units wanted. `--parts` tells at the end what the memory is mapped from.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startRtspServer } from '../src/cli/rtsp-camera.ts';
import { encodeStream, type OpenedCamera, openCamera } from './opened-camera.ts';

const LOOP_SECONDS = 3;
const { values } = parseArgs({
  options: {
    clip: { type: 'string' },
    minutes: { type: 'string', default: '20' },
    every: { type: 'string', default: '30' },
    only: { type: 'string' },
    parts: { type: 'boolean' },
  },
});
const MOTION = { threshold: 8, fadeSeconds: 20, masks: [] };
const EVERYTHING = { prints: true, units: true };

/** Megabytes: proportional, private, not of a file. */
interface Weight {
  readonly pss: number;
  readonly private: number;
  readonly anonymous: number;
}

function weightOf(pid: number): Weight {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const mb = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0) / 1024;
  return {
    pss: mb('Pss'),
    private: mb('Private_Clean') + mb('Private_Dirty'),
    anonymous: mb('Anonymous'),
  };
}

/** Private megabytes by what they are mapped from, the largest first. */
function partsOf(pid: number): [string, number][] {
  const parts = new Map<string, number>();
  let name = '';
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+\s*(.*)$/.exec(line);
    if (mapping !== null) name = mapping[1] === '' ? 'anonymous' : basename(mapping[1] ?? '');
    const kb = Number(/^Private_\w+:\s+(\d+) kB/.exec(line)?.[1] ?? 0);
    if (kb > 0) parts.set(name, (parts.get(name) ?? 0) + kb / 1024);
  }
  return [...parts].sort(([, a], [, b]) => b - a);
}

async function watch(cameras: ReadonlyMap<string, OpenedCamera>): Promise<void> {
  const startMs = performance.now();
  const endMs = startMs + Number(values.minutes) * 60_000;
  for (;;) {
    const minutes = (performance.now() - startMs) / 60_000;
    for (const [name, camera] of cameras) {
      if (!camera.isRunning()) throw new Error(`${name}: the camera process is gone`);
      const weight = weightOf(camera.pid);
      const figures = Object.entries(weight).map(([key, mb]) => `${key} ${mb.toFixed(2)}`);
      console.log(`${minutes.toFixed(2)} min, ${name}: ${figures.join(', ')} MB`);
    }
    const leftMs = endMs - performance.now();
    if (leftMs <= 0) return;
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(leftMs, Number(values.every) * 1000)),
    );
  }
}

const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
try {
  const file = encodeStream(values.clip, folder);
  const short = encodeStream(values.clip, folder, { name: 'short', seconds: LOOP_SECONDS });
  const server = await startRtspServer({ mounts: [{ path: 'cam', file }] });
  const url = `rtsp://127.0.0.1:${server.port}/cam`;
  const sources = new Map([
    ['RTSP', url],
    ['file', short],
  ]);
  const cameras = new Map<string, OpenedCamera>();
  for (const [name, source] of sources) {
    if (values.only?.split(',').includes(name) === false) continue;
    cameras.set(name, await openCamera(source, { motion: MOTION }, EVERYTHING));
  }
  await watch(cameras);
  for (const [name, camera] of cameras) {
    if (values.parts)
      console.table(
        partsOf(camera.pid)
          .slice(0, 15)
          .map(([part, mb]) => ({ of: name, part, mb: Number(mb.toFixed(2)) })),
      );
    await camera.close();
  }
  await server.stop();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
