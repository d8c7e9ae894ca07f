// What a machine carries with a model: the capacity profile that `vedette bench` writes and admission reads.

/** What a measured speed belongs to: with another model, processor or library it means nothing. Wire record. */
export interface Fingerprint {
  readonly model_sha256: string;
  /** As the kernel names it, and how many may be used; processors without a name are told apart by the rest. */
  readonly cpu: string;
  readonly cores: number;
  readonly arch: string;
  readonly runtime_library: string;
  readonly runtime_version: string;
  readonly provider: string;
}

/** Wire record in `<storage.path>/capacity.json`; docs/bench.md explains every key. Milliseconds are processor time. */
export interface CapacityProfile {
  readonly measured_at: string;
  readonly vedette: string;
  readonly model: string;
  readonly layout: { readonly sessions: number; readonly threads: number; readonly batch: number };
  readonly clip: {
    readonly width: number;
    readonly height: number;
    readonly fps: number;
    readonly codec: string;
    readonly decoder: string;
  };
  /** Per stream frame, in the camera process. */
  readonly decode_cpu_ms: number;
  /** Per analysed frame: the ticket and the pixels, in both processes. */
  readonly print_cpu_ms: number;
  /** Per analysed frame, in the agent. */
  readonly inference_cpu_ms: number;
  /** Per analysed frame: head, tracking, analysis, results, and what cannot be told apart. */
  readonly rest_cpu_ms: number;
  /** Frames per second with every core, or the whole accelerator, doing nothing else. */
  readonly decode_fps: number;
  readonly print_fps: number;
  readonly inference_fps: number;
}
