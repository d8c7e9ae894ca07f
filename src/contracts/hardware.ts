// What the probe found on this machine: the profile. And the order in which execution providers are tried.

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

/**
 * What `runtime.provider: auto` tries, fastest first, and what the probe shows: a library without one is asked for the
 * next. Others that a library may have (WebGPU, XNNPACK …) run where `runtime.provider` names them.
 */
export const PROVIDERS: readonly { readonly name: string; readonly why: string }[] = [
  { name: 'tensorrt', why: 'builds an engine for this GPU, in FP16 where asked' },
  { name: 'cuda', why: 'runs on the GPU without an engine to build' },
  { name: 'openvino', why: "Intel's own, for CPU, GPU and NPU" },
  { name: 'cpu', why: 'works everywhere' },
];

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
