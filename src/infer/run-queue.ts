// How long threads of this process could have run and did not, because others had the cores.
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Milliseconds since their start, summed over all threads; the kernel counts in nanoseconds (`schedstat`, second field).
 * 0 on a kernel without scheduler statistics. Takes about 10 µs per thread.
 */
export function waitedForCoreMs(): number {
  let nanoseconds = 0;
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      const [, waited] = readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ');
      nanoseconds += Number(waited);
    }
  } catch {
    return 0;
  }
  return nanoseconds / 1e6;
}
