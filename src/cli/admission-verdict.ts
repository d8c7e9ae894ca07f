// What admission will say to a configuration on this machine, without starting anything.
import { join } from 'node:path';
import type { Config } from '../config/schema/config.ts';
import { createLog } from '../core/log.ts';
import { machineIdentity } from '../infer/fingerprint.ts';
import { type Admission, admissionText, admit } from '../pipeline/admission.ts';
import { capacityFile, demandsOf } from '../pipeline/admission-control.ts';
import { resolveModel } from './installed-models.ts';

export interface AdmissionVerdict extends Admission {
  /** One sentence for people. */
  readonly text: string;
}

/** Undefined where this model was never measured on this machine; the newest measurement counts, with whatever library. */
export function admissionVerdict(config: Config): AdmissionVerdict | undefined {
  const { model, runtime, storage, cameras } = config;
  const { sha256 } = resolveModel(model, join(storage.path, 'models'));
  const machine = machineIdentity();
  const profile = capacityFile(storage.path, createLog('error')).find({
    ...machine,
    model_sha256: sha256,
    ...(runtime.provider !== 'auto' && { provider: runtime.provider }),
  });
  if (profile === undefined) return undefined;
  const demands = demandsOf(cameras);
  const on = { profile, cores: machine.cores };
  return { ...admit(demands, on), text: admissionText(demands, on) };
}
