// What the parts cost on this machine, as the installed `vedette bench` measures them: the formulas' right-hand sides.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import type { BenchResult } from '../../src/bench/self-bench.ts';
import type { CapacityProfile } from '../../src/contracts/capacity.ts';
import { UTILISATION } from '../../src/pipeline/admission.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/bin/main.js');
export const CORES: number = availableParallelism();

export interface Bench {
  readonly clip: string;
  /** Section `model` of the configuration. */
  readonly model: Readonly<Record<string, string>>;
  /** Folder of the daemons. */
  readonly storage: string;
}

/** About half a minute. */
export function measureCosts({ clip, model, storage }: Bench, fps: number): BenchResult {
  const config = join(storage, 'costs.yaml');
  const section = Object.keys(model).length > 0 ? { model } : {};
  const text = { cameras: { bench: clip }, ...section, storage: { path: storage } };
  writeFileSync(config, JSON.stringify({ ...text, runtime: { provider: 'cpu' } }));
  const args = [
    'bench',
    '--config',
    config,
    '--clip',
    clip,
    '--fps',
    String(fps),
    '--seconds',
    '3',
  ];
  const { stdout, stderr, status } = spawnSync(process.execPath, [MAIN, ...args, ...JSON_ONLY], {
    ...{ encoding: 'utf8', maxBuffer: 2 ** 24 },
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as BenchResult;
}

const JSON_ONLY = ['--json', '--dry-run'];

/** Milliseconds of processor time for each analysed frame. */
export function analysisMs(profile: CapacityProfile): number {
  return profile.print_cpu_ms + profile.inference_cpu_ms + profile.rest_cpu_ms;
}

/** The rate per camera at which so many of them take what may be planned for. */
export function carriedFps(cameras: number, profile: CapacityProfile): number {
  const decodeMs = cameras * profile.clip.fps * profile.decode_cpu_ms;
  return (UTILISATION * 1000 * CORES - decodeMs) / (cameras * analysisMs(profile));
}
