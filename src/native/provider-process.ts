// Entry of the process in which an execution provider is tried: one order in, one result out.
import { AgentError, causeText } from '../core/errors.ts';
import type { ProviderTrial, TrialResult } from './provider-trial.ts';
import { dieWithParent } from './sandbox.ts';
import { type InputBinding, Session } from './session.ts';
import { TRIAL_INPUT, TRIAL_MODEL } from './trial-model.ts';

async function infer(trial: ProviderTrial): Promise<TrialResult> {
  const session = await Session.open({ ...trial, model: TRIAL_MODEL, name: 'trial', threads: 1 });
  const input: InputBinding = {
    ...TRIAL_INPUT,
    data: new Float32Array(TRIAL_INPUT.values).fill(1),
  };
  await session.run([input]);
  const start = performance.now();
  const [output] = await session.run([input]);
  const tookMs = performance.now() - start;
  const corner = Number(output?.data[0]);
  if (Math.abs(corner - TRIAL_INPUT.expected) > 0.05) {
    throw new AgentError('PROVIDER_UNAVAILABLE', {
      provider: trial.provider,
      cause: `it computes ${corner} where ${TRIAL_INPUT.expected} is right`,
    });
  }
  return { tookMs };
}

async function report(trial: ProviderTrial): Promise<TrialResult> {
  try {
    return await infer(trial);
  } catch (error) {
    const known = error instanceof AgentError ? error : undefined;
    const detail = Object.entries(known?.detail ?? {}).map(([key, value]) => [key, String(value)]);
    return {
      code: known?.code ?? '',
      detail: Object.fromEntries(detail),
      message: causeText(error),
    };
  }
}

process.once('message', async (trial: ProviderTrial) => {
  dieWithParent();
  const result = await report(trial);
  // Providers are known to crash in their clean-up; the result is safe by then.
  process.send?.(result, () => process.disconnect());
});
