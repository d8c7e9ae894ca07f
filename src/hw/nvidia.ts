// A PC or server with an NVIDIA GPU and NVIDIA's driver.
import type { DecoderCandidate, Family } from './family.ts';
import { productName, VA_DECODERS } from './family.ts';
import type { Machine } from './machine.ts';

const GPU = { what: 'an NVIDIA GPU (/dev/nvidia0)', nodes: /^nvidia\d+$/ };
const PLUGIN = 'gstreamer1.0-plugins-bad';

const decoders: readonly DecoderCandidate[] = [
  { via: 'gstreamer', codec: 'h264', name: 'nvh264dec', needs: GPU, from: PLUGIN },
  { via: 'gstreamer', codec: 'h265', name: 'nvh265dec', needs: GPU, from: PLUGIN },
  { via: 'gstreamer', codec: 'mjpeg', name: 'nvjpegdec', needs: GPU, from: PLUGIN },
  { via: 'ffmpeg', codec: 'h264', name: 'cuda', needs: GPU, from: 'ffmpeg' },
  { via: 'ffmpeg', codec: 'h265', name: 'cuda', needs: GPU, from: 'ffmpeg' },
  { via: 'ffmpeg', codec: 'mjpeg', name: 'cuda', needs: GPU, from: 'ffmpeg' },
];

export const nvidia: Family = {
  family: 'nvidia',
  model(machine: Machine): string | undefined {
    const gpus = machine.list('proc/driver/nvidia/gpus');
    if (gpus.length === 0 && !machine.has('dev/nvidia0')) return undefined;
    const information = machine.text(`proc/driver/nvidia/gpus/${gpus[0]}/information`);
    const gpu = /^Model:\s*(.+)$/m.exec(information ?? '')?.[1] ?? 'NVIDIA GPU';
    return `${productName(machine)}, ${gpus.length > 1 ? `${gpus.length} × ` : ''}${gpu}`;
  },
  // The processor beside the GPU often has a decoder, too.
  decoders: [...decoders, ...VA_DECODERS],
};
