// The probe: what this machine is, and what it can really decode and infer with.
import type { HardwareProfile } from '../contracts/hardware.ts';
import type { Family } from './family.ts';
import { generic } from './generic.ts';
import { intel } from './intel.ts';
import { jetson } from './jetson.ts';
import { Machine } from './machine.ts';
import { findDecoders, type RunProgram, type TryOwn } from './media.ts';
import { deviceNodes } from './nodes.ts';
import { nvidia } from './nvidia.ts';
import { type Processor, readProcessor } from './processor.ts';
import { type Runtime, rankProviders } from './providers.ts';
import { raspberryPi } from './raspberry-pi.ts';

/** The first that recognises the machine: an NVIDIA GPU says more than the processor beside it. */
const FAMILIES: readonly Family[] = [jetson, raspberryPi, nvidia, intel, generic];

export interface ProbeOptions {
  /** Null: none was found; no provider can be used then. */
  readonly runtime: Runtime | null;
  readonly arch: string;
  readonly tryOwn: TryOwn;
  /** For tests. */
  readonly root?: string;
  readonly run?: RunProgram;
  readonly processor?: Processor;
}

export function recogniseFamily(machine: Machine): { family: Family; model: string } {
  for (const family of FAMILIES) {
    const model = family.model(machine);
    if (model !== undefined) return { family, model };
  }
  return { family: generic, model: 'unknown' };
}

/** Takes a few seconds: every decoder and provider is tried, not looked up. */
export async function probe(options: ProbeOptions): Promise<HardwareProfile> {
  const machine = new Machine(options.root);
  const { family, model } = recogniseFamily(machine);
  const { runtime } = options;
  const processor = options.processor ?? (await readProcessor(machine));
  return {
    family: family.family,
    model,
    arch: options.arch,
    cpu: processor.cpu,
    memory_mb: processor.memoryMb,
    nodes: deviceNodes(machine),
    decoders: await findDecoders(family, machine, options.tryOwn, options.run),
    runtime: runtime && { library: runtime.library, version: runtime.version },
    providers: runtime ? await rankProviders(runtime) : [],
  };
}
