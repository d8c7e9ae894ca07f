// Intel processors: Quick Sync through VA-API, and OpenVINO for CPU, GPU and NPU.
import type { Family } from './family.ts';
import { productName, VA_DECODERS } from './family.ts';
import type { Machine } from './machine.ts';

export const intel: Family = {
  family: 'intel',
  model(machine: Machine): string | undefined {
    const isIntel = /^vendor_id\s*: GenuineIntel$/m.test(machine.text('proc/cpuinfo') ?? '');
    return isIntel ? productName(machine) : undefined;
  },
  decoders: VA_DECODERS,
};
