// What one inference costs: one thread, one picture, the models in turns, so that a busy machine is busy for all. A turn is
// several inferences, handed over at once so that the session is never idle, as in a running agent; the one before them is not
// counted: it finds another model's weights in the caches.
//
// A core of a shared host has two speeds that change every few seconds, presumably with and without a neighbour on its other
// hardware thread, and bytes lose more than floats do. So two figures: the median of all turns, and that of the fastest
// twentieth, which stands for the core alone.

import type { ModelManifest } from '../../src/contracts/model.ts';
import { median } from '../median.ts';
import { Detector } from './detector.ts';
import type { Progress } from './progress.ts';

const TURN = 10;

export interface Speed {
  readonly model: string;
  readonly input: string;
  /** Of turns. Processor time holds on a busy machine, too; the time that passed does on an idle one. */
  readonly cpu_ms: Cost;
  readonly wall_ms: Cost;
}

export interface Cost {
  readonly median: number;
  /** The median of the fastest twentieth of the turns. */
  readonly alone: number;
}

export async function measureSpeed(
  manifests: readonly ModelManifest[],
  rounds: number,
  progress: Progress,
): Promise<Speed[]> {
  const detectors: Detector[] = [];
  for (const manifest of manifests) detectors.push(await Detector.open(manifest));
  for (const detector of detectors) await detector.detect(noise(640, 480), 0.5);
  const runs = detectors.map((detector) => ({
    detector,
    cpu: [] as number[],
    wall: [] as number[],
  }));
  const turns = Math.ceil(rounds / TURN);
  progress.begin('speed', turns);
  for (let turn = 0; turn < turns; turn++) {
    for (const run of turn % 2 === 0 ? runs : runs.toReversed()) {
      await run.detector.infer();
      const cpu = process.cpuUsage();
      const startMs = performance.now();
      await Promise.all(Array.from({ length: TURN }, () => run.detector.infer()));
      run.wall.push((performance.now() - startMs) / TURN);
      const { user, system } = process.cpuUsage(cpu);
      run.cpu.push((user + system) / 1000 / TURN);
    }
    progress.step();
  }
  for (const detector of detectors) await detector.close();
  return runs.map(({ detector: { manifest }, cpu, wall }) => ({
    model: manifest.name,
    input: `${manifest.input.widthPx}x${manifest.input.heightPx}`,
    cpu_ms: costOf(cpu),
    wall_ms: costOf(wall),
  }));
}

function costOf(turns: readonly number[]): Cost {
  const fastest = turns.toSorted((a, b) => a - b).slice(0, Math.ceil(turns.length / 20));
  return { median: median(turns), alone: median(fastest) };
}

/** The same picture each time, with structure at every scale, so that no layer sees constants. */
function noise(widthPx: number, heightPx: number) {
  let state = 1;
  const data = Uint8Array.from({ length: widthPx * heightPx * 3 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state >> 16;
  });
  return { data, pixelFormat: 'RGB' as const, widthPx, heightPx };
}
