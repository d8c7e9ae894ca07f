// The model, processor and library that a measurement belongs to.
import { availableParallelism, cpus } from 'node:os';
import type { Fingerprint } from '../contracts/capacity.ts';
import type { ModelManifest } from '../contracts/model.ts';

/** The part that does not depend on the model. */
export function machineIdentity(): Pick<Fingerprint, 'cpu' | 'cores' | 'arch'> {
  return {
    cpu: cpus()[0]?.model.trim() ?? '',
    cores: availableParallelism(),
    arch: process.arch,
  };
}

export function fingerprintOf(
  manifest: ModelManifest,
  runtime: { readonly library: string; readonly version: string },
  provider: string,
): Fingerprint {
  return {
    model_sha256: manifest.sha256,
    ...machineIdentity(),
    runtime_library: runtime.library,
    runtime_version: runtime.version,
    provider,
  };
}
