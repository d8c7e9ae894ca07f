// Decoders as the probe tries them and as a camera uses them: the same words in both places.

/** By codec: GStreamer's element, or FFmpeg's hwaccel for a camera that FFmpeg decodes. */
export type HardwareDecoders = Readonly<Partial<Record<'h264' | 'h265' | 'mjpeg', string>>>;

/** Decoders whose pictures stay in the device's memory, and the element that brings them out. */
const BRING_OUT: Readonly<Record<string, string>> = {
  nvv4l2decoder: 'nvvidconv ! video/x-raw,format=NV12',
};

/**
 * What follows a hardware decoder of GStreamer, so that its pictures lie in memory that the processor reads.
 * Plain `video/x-raw` means just that, and makes the decoders of VA, CUDA and V4L2 download by themselves.
 */
export function intoMemory(element: string): string {
  return BRING_OUT[element] ?? 'video/x-raw';
}

/** GStreamer's software decoders, best first. Those called `vedette…` are elements of camera processes only. */
export const SOFTWARE_DECODERS = {
  h264: ['vedetteh264dec', 'avdec_h264', 'openh264dec'],
  h265: ['vedetteh265dec', 'avdec_h265', 'libde265dec'],
  mjpeg: ['jpegdec', 'avdec_mjpeg'],
} as const;

/** What a camera process made of a clip. */
export interface DecoderTrial {
  /** The element that decoded; absent: none did. */
  readonly decoder?: string;
  readonly frames: number;
  /** Why the clip was not decoded to its end. */
  readonly problem?: string;
}
