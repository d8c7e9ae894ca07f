// Execution providers in the order in which they will be tried. That a library has one says little; one inference says it.
import { type Choice, PROVIDERS } from '../contracts/hardware.ts';
import { causeText } from '../core/errors.ts';

/** The ONNX Runtime library that was found, as the native part sees it. */
export interface Runtime {
  readonly library: string;
  readonly version: string;
  /** Compiled in. */
  readonly providers: readonly string[];
  /** Opens a small model and infers once; rejects with the reason. */
  readonly infer: (provider: string) => Promise<{ tookMs: number }>;
}

/** Usable ones first, in the order in which the agent tries them; then those that are not, and why. */
export async function rankProviders(runtime: Runtime): Promise<Choice[]> {
  const choices: Choice[] = [];
  for (const { name, why } of PROVIDERS) choices.push(await tryProvider(name, why, runtime));
  for (const name of runtime.providers) {
    if (PROVIDERS.some((one) => one.name === name)) continue;
    const reason = 'in the library, but not chosen by itself; runtime.provider can name it';
    choices.push({ name, usable: false, reason });
  }
  return [...choices.filter((one) => one.usable), ...choices.filter((one) => !one.usable)];
}

async function tryProvider(name: string, why: string, runtime: Runtime): Promise<Choice> {
  if (!runtime.providers.includes(name)) {
    const reason = `ONNX Runtime ${runtime.version} was built without it (${runtime.library})`;
    return { name, usable: false, reason };
  }
  try {
    const { tookMs } = await runtime.infer(name);
    return { name, usable: true, reason: `${why}; a test inference took ${tookMs.toFixed(1)} ms` };
  } catch (error) {
    return { name, usable: false, reason: causeText(error) };
  }
}
