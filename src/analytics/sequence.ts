// Things that happen one after the other.

import type { SequenceCondition } from '../contracts/rule.ts';
import type { Verdict } from './verdict.ts';

/** Per step: the latest start of a chain that got this far, by object (`*` when objects do not matter). */
export type Chains = readonly Readonly<Record<string, number>>[];

const ANYBODY = '*';

/**
 * Each step must hold in a later frame than the one before it. Of several chains the one that began
 * last is kept: it has the best chance to end in time. Chains that are too old are forgotten, so that
 * nothing grows.
 */
export function stepSequence(
  { within_s, same_object = false }: SequenceCondition,
  steps: readonly Verdict[],
  before: Chains,
  timeMs: number,
): { verdict: Verdict; chains: Chains } {
  const chains = steps.map((_, i) => recent(before[i] ?? {}, timeMs - within_s * 1000));
  const finished = new Set<string>();
  const last = steps.length - 1;
  for (let i = last; i >= 0; i--) {
    const step = steps[i]!;
    if (!step.holds) continue;
    for (const key of same_object ? (step.objects ?? []) : [ANYBODY]) {
      const began = i === 0 ? timeMs : chains[i - 1]![key];
      if (began === undefined) continue;
      if (i < last) chains[i]![key] = began;
      else finished.add(key);
    }
  }
  for (const key of finished) for (const chain of chains) delete chain[key];
  const objects = same_object ? [...finished] : (steps[last]!.objects ?? []);
  const verdict: Verdict = {
    holds: finished.size > 0,
    why: steps.flatMap((step) => step.why),
    objects,
    isMoment: true,
  };
  return { verdict, chains };
}

function recent(chain: Readonly<Record<string, number>>, oldestMs: number): Record<string, number> {
  return Object.fromEntries(Object.entries(chain).filter(([, began]) => began >= oldestMs));
}
