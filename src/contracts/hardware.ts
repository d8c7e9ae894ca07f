// What the probe found on this machine: the profile.

export type DeviceFamily = 'jetson' | 'raspberry-pi' | 'intel' | 'nvidia' | 'generic';

export interface Choice {
  readonly name: string;
  readonly usable: boolean;
  /** Why it comes where it comes, or why it cannot be used. */
  readonly reason: string;
}

export interface DecoderChoice extends Choice {
  readonly via: 'gstreamer' | 'ffmpeg';
  readonly codec: 'h264' | 'h265' | 'mjpeg';
  readonly hardware: boolean;
}

/** Wire record: `vedette probe --json`. */
export interface HardwareProfile {
  readonly family: DeviceFamily;
  readonly model: string;
  readonly arch: string;
  readonly cpu: {
    readonly brand: string;
    readonly cores: number;
    /** Those that decide a kernel: avx2, avx512_vnni, avx_vnni, neon, dotprod, i8mm … */
    readonly features: readonly string[];
  };
  readonly memory_mb: number;
  /** Device nodes of GPUs, NPUs and video codecs that exist. */
  readonly nodes: readonly { readonly path: string; readonly kind: 'gpu' | 'npu' | 'codec' }[];
  readonly decoders: readonly DecoderChoice[];
  readonly runtime: { readonly library: string; readonly version: string } | null;
  /** Execution providers in the order they will be tried. */
  readonly providers: readonly Choice[];
}
