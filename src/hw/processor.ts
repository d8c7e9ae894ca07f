// The processor and its memory.
import type { HardwareProfile } from '../contracts/hardware.ts';
import type { Machine } from './machine.ts';

/** Instruction sets that decide which kernel runs, by the kernel's name for them. */
const FEATURES: Readonly<Record<string, string>> = {
  avx2: 'avx2',
  fma: 'fma',
  f16c: 'f16c',
  avx_vnni: 'avx_vnni',
  avx512f: 'avx512f',
  avx512_vnni: 'avx512_vnni',
  avx512_bf16: 'avx512_bf16',
  amx_int8: 'amx_int8',
  asimd: 'neon',
  asimddp: 'dotprod',
  asimdhp: 'fp16',
  i8mm: 'i8mm',
  bf16: 'bf16',
  sve: 'sve',
  sve2: 'sve2',
};

export interface Processor {
  readonly cpu: HardwareProfile['cpu'];
  readonly memoryMb: number;
}

/** Takes about a tenth of a second: systeminformation asks several programs. */
export async function readProcessor(machine: Machine): Promise<Processor> {
  const { cpu, mem } = await import('systeminformation');
  const [{ manufacturer, brand, cores }, { total }] = await Promise.all([cpu(), mem()]);
  return {
    cpu: {
      brand: `${manufacturer} ${brand}`.trim(),
      cores,
      features: processorFeatures(machine),
    },
    memoryMb: Math.round(total / 2 ** 20),
  };
}

/** In the order of FEATURES, from the first core. */
export function processorFeatures(machine: Machine): string[] {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(machine.text('proc/cpuinfo') ?? '')?.[1] ?? '';
  const has = new Set(line.split(/\s+/));
  return Object.entries(FEATURES).flatMap(([flag, name]) => (has.has(flag) ? [name] : []));
}
