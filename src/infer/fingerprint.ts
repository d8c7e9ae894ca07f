// What a measured speed belongs to: with another model, processor or library it means nothing.
import { availableParallelism, cpus } from 'node:os';
import type { ModelManifest } from '../contracts/model.ts';

/** Wire record; part of the files that keep measurements. */
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

export function fingerprintOf(
  manifest: ModelManifest,
  runtime: { readonly library: string; readonly version: string },
  provider: string,
): Fingerprint {
  return {
    model_sha256: manifest.sha256,
    cpu: cpus()[0]?.model.trim() ?? '',
    cores: availableParallelism(),
    arch: process.arch,
    runtime_library: runtime.library,
    runtime_version: runtime.version,
    provider,
  };
}
