// Which hardware decoders a starting agent may use: those that decode a clip here and now.
import type { DecoderChoice } from '../contracts/hardware.ts';
import type { DecoderCandidate } from './family.ts';
import { Machine } from './machine.ts';
import { CODECS, programRunner, type RunProgram, tryHardware, withTestClips } from './media.ts';
import { nodeNames } from './nodes.ts';
import { recogniseFamily } from './probe.ts';

/** A driver that needs longer for a clip of one second does not help a camera either. */
const TRIAL_LIMIT_MS = 5000;

/**
 * The candidates of this machine in the order in which they were tried, up to the first that works per codec and
 * program. Free where no device node of a decoder is; otherwise a few tenths of a second, codecs side by side.
 */
export async function findHardwareDecoders(
  run: RunProgram = programRunner(TRIAL_LIMIT_MS),
  machine: Machine = new Machine(),
): Promise<DecoderChoice[]> {
  const nodes = nodeNames(machine);
  const { family } = recogniseFamily(machine);
  const present = family.decoders.filter(({ needs }) => nodes.some((one) => needs.nodes.test(one)));
  if (present.length === 0) return [];
  return withTestClips(async (clips) => {
    const found = await Promise.all(
      CODECS.map((codec) => {
        const candidates = present.filter((one) => one.codec === codec);
        return firstOfEach(candidates, (one) => tryHardware(one, nodes, clips[codec], run));
      }),
    );
    return found.flat();
  });
}

async function firstOfEach(
  candidates: readonly DecoderCandidate[],
  attempt: (candidate: DecoderCandidate) => Promise<DecoderChoice>,
): Promise<DecoderChoice[]> {
  const choices: DecoderChoice[] = [];
  for (const candidate of candidates) {
    if (choices.some(({ usable, via }) => usable && via === candidate.via)) continue;
    choices.push(await attempt(candidate));
  }
  return choices;
}
