// Everything else: AMD and ARM machines of any make, virtual machines, containers.
import type { DecoderCandidate, Family } from './family.ts';
import { productName, VA_DECODERS } from './family.ts';
import type { Machine } from './machine.ts';

const CODEC = { what: 'a codec of the kernel (/dev/media*)', nodes: /^media\d+$/ };
const STATELESS = 'gstreamer1.0-plugins-bad';

/** Rockchip, Allwinner, Mediatek … with a recent kernel. */
const stateless: readonly DecoderCandidate[] = [
  { via: 'gstreamer', codec: 'h264', name: 'v4l2slh264dec', needs: CODEC, from: STATELESS },
  { via: 'gstreamer', codec: 'h265', name: 'v4l2slh265dec', needs: CODEC, from: STATELESS },
];

export const generic: Family = {
  family: 'generic',
  model: (machine: Machine): string => productName(machine),
  decoders: [...VA_DECODERS, ...stateless],
};
