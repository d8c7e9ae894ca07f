// Raspberry Pi: V4L2 decoders in the kernel, differing by model; no GPU that a provider could use.
import type { Family } from './family.ts';
import { boardName } from './family.ts';
import type { Machine } from './machine.ts';

export const raspberryPi: Family = {
  family: 'raspberry-pi',
  model(machine: Machine): string | undefined {
    const board = boardName(machine);
    return board?.startsWith('Raspberry Pi') ? board : undefined;
  },
  decoders: [
    // Up to model 4. The Pi 5 has no H.264 decoder, although FFmpeg and GStreamer still list theirs.
    {
      via: 'gstreamer',
      codec: 'h264',
      name: 'v4l2h264dec',
      needs: { what: "the firmware's codec (/dev/video10)", nodes: /^video10$/ },
      from: 'gstreamer1.0-plugins-good',
    },
    // Stateless decoders of model 4 and 5.
    {
      via: 'gstreamer',
      codec: 'h265',
      name: 'v4l2slh265dec',
      needs: { what: 'the HEVC decoder (/dev/media*)', nodes: /^media\d+$/ },
      from: 'gstreamer1.0-plugins-bad',
    },
    {
      via: 'gstreamer',
      codec: 'mjpeg',
      name: 'v4l2jpegdec',
      needs: { what: "the firmware's codec (/dev/video10)", nodes: /^video10$/ },
      from: 'gstreamer1.0-plugins-good',
    },
  ],
};
