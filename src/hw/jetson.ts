// NVIDIA Jetson: Tegra processors with NVDEC and a CUDA GPU, set up by JetPack.
import type { DecoderCandidate, Family } from './family.ts';
import { boardName } from './family.ts';
import type { Machine } from './machine.ts';

const NVDEC = {
  what: "NVIDIA's decoder (/dev/nvhost-nvdec or /dev/v4l2-nvdec)",
  nodes: /^(nvhost-nvdec\d*|v4l2-nvdec|nvhost-ctrl-nvdec)$/,
};
const NVJPG = {
  what: "NVIDIA's JPEG engine (/dev/nvhost-nvjpg)",
  nodes: /^(nvhost-nvjpg\d*|v4l2-nvdec)$/,
};
const FROM = 'nvidia-l4t-gstreamer';

const decoders: readonly DecoderCandidate[] = [
  { via: 'gstreamer', codec: 'h264', name: 'nvv4l2decoder', needs: NVDEC, from: FROM },
  { via: 'gstreamer', codec: 'h265', name: 'nvv4l2decoder', needs: NVDEC, from: FROM },
  { via: 'gstreamer', codec: 'mjpeg', name: 'nvjpegdec', needs: NVJPG, from: FROM },
];

export const jetson: Family = {
  family: 'jetson',
  model(machine: Machine): string | undefined {
    const release = machine.text('etc/nv_tegra_release');
    const board = boardName(machine);
    if (release === undefined && !/jetson|tegra/i.test(board ?? '')) return undefined;
    return [board ?? 'NVIDIA Jetson', linuxForTegra(release)].filter(Boolean).join(', ');
  },
  decoders,
};

/** "# R36 (release), REVISION: 3.0, …" is Linux for Tegra 36.3.0. */
function linuxForTegra(release: string | undefined): string {
  const found = /R(\d+) \(release\), REVISION: ([\d.]+)/.exec(release ?? '');
  return found ? `Linux for Tegra ${found[1]}.${found[2]}` : '';
}
