// What a device family is: how to recognise it, and which decoders its hardware has.
import type { DecoderChoice, DeviceFamily } from '../contracts/hardware.ts';
import type { Machine } from './machine.ts';

/** A decoder worth trying; whether it works shows only when it decodes. */
export interface DecoderCandidate {
  readonly via: DecoderChoice['via'];
  readonly codec: DecoderChoice['codec'];
  /** GStreamer's element, or FFmpeg's hwaccel. */
  readonly name: string;
  /** The device that it needs, as a person would look for it, and the nodes that prove it. */
  readonly needs: { readonly what: string; readonly nodes: RegExp };
  /** What brings the element on this family. */
  readonly from: string;
}

export interface Family {
  readonly family: DeviceFamily;
  /** The machine's model when it belongs to this family. */
  model(machine: Machine): string | undefined;
  /** Best first. Software decoders come after these everywhere. */
  readonly decoders: readonly DecoderCandidate[];
}

const RENDER_NODE = { what: 'a GPU (/dev/dri/renderD*)', nodes: /^dri\/renderD\d+$/ };

/** Intel and AMD graphics: GStreamer's `va` plugin first, its predecessor, then FFmpeg. */
export const VA_DECODERS: readonly DecoderCandidate[] = (
  ['h264', 'h265', 'mjpeg'] as const
).flatMap((codec) => {
  const suffix = codec === 'mjpeg' ? 'jpeg' : codec;
  const common = { codec, needs: RENDER_NODE };
  return [
    {
      ...common,
      via: 'gstreamer' as const,
      name: `va${suffix}dec`,
      from: 'gstreamer1.0-plugins-bad',
    },
    { ...common, via: 'gstreamer' as const, name: `vaapi${suffix}dec`, from: 'gstreamer1.0-vaapi' },
    { ...common, via: 'ffmpeg' as const, name: 'vaapi', from: 'ffmpeg' },
  ];
});

/** What the firmware calls the board, for boards that are described by a device tree. */
export function boardName(machine: Machine): string | undefined {
  return machine.text('proc/device-tree/model');
}

/** Vendor and product of a PC. */
export function productName(machine: Machine): string {
  const parts = ['sys_vendor', 'product_name'].map((name) =>
    machine.text(`sys/class/dmi/id/${name}`),
  );
  return parts.filter(Boolean).join(' ') || boardName(machine) || 'unknown';
}
