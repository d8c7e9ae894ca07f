// What follows from measured costs: the limit of shared cores, the streams a machine supports, and what holds it back. Pure.
import type { CapacityProfile } from '../contracts/capacity.ts';
import { analysisCpuMs, type Machine, streamsSupported } from '../pipeline/admission.ts';

/**
 * Frames per second that go through all of these, each of which has every core when alone: the rates' harmonic sum.
 * The smallest of them cannot be reached, because all burn the same cores.
 */
export function sharedLimit(...rates: readonly number[]): number {
  return 1 / rates.reduce((sum, rate) => sum + 1 / rate, 0);
}

/** With an accelerator that infers beside the cores: whichever is full first. */
export function pathLimit(profile: CapacityProfile, isOnCpu: boolean, cores: number): number {
  const { decode_fps, print_fps, inference_fps, decode_cpu_ms } = profile;
  if (isOnCpu) return sharedLimit(decode_fps, inference_fps, print_fps);
  const onCores = (1000 * cores) / (decode_cpu_ms + analysisCpuMs(profile));
  return Math.min(inference_fps, onCores);
}

export interface Bottleneck {
  readonly part: 'decode' | 'inference' | 'print' | 'rest';
  /** Of a stream's load, 0..1. */
  readonly share: number;
  readonly text: string;
}

/** What one more stream at `fps` would be short of first. */
export function bottleneckOf(fps: number, { profile, cores }: Machine): Bottleneck {
  const rate = Math.min(fps, profile.clip.fps);
  const costs = {
    decode: profile.clip.fps * profile.decode_cpu_ms,
    inference: rate * profile.inference_cpu_ms,
    print: rate * profile.print_cpu_ms,
    rest: rate * profile.rest_cpu_ms,
  };
  const total = costs.decode + costs.inference + costs.print + costs.rest;
  const onCores = total / (1000 * cores);
  const onEngine = rate / profile.inference_fps;
  const parts = Object.entries(costs) as [Bottleneck['part'], number][];
  const [part, cost] = parts.reduce((most, one) => (one[1] > most[1] ? one : most));
  if (onEngine > onCores) {
    return { part: 'inference', share: 1, text: ACCELERATOR };
  }
  const share = cost / total;
  return { part, share, text: `${WORDS[part]} (${Math.round(share * 100)} % of a stream’s cost)` };
}

const ACCELERATOR =
  'inference: what infers is full before the cores are; a smaller model, larger batches or fewer fps help';
const WORDS: Readonly<Record<Bottleneck['part'], string>> = {
  decode:
    'decoding: every frame of a stream is decoded, whatever is analysed; substreams, a hardware decoder or fewer frames from the camera help',
  inference: 'inference: a smaller model, INT8, an accelerator or fewer fps help',
  print: 'printing: bringing frames into the model’s form; a smaller input of the model helps',
  rest: 'everything around inference: tracking, rules and results; fewer fps help',
};

/** Streams at some rates, for a curve. */
export function streamsByRate(machine: Machine): { fps: number; streams: number }[] {
  return [1, 2, 3, 5, 8, 10, 15, 20, 25, 30]
    .filter((fps) => fps <= machine.profile.clip.fps)
    .map((fps) => ({ fps, streams: streamsSupported(fps, machine) }));
}
