// Section `runtime` of the configuration that benches measure with: its defaults, on the processor.
import { requireValid } from '../src/config/load.ts';
import type { Config } from '../src/config/schema/config.ts';
import { validate } from '../src/config/validate.ts';

const TEXT = 'cameras: { bench: /dev/null }\nruntime: { provider: cpu }';

export const RUNTIME: Config['runtime'] = requireValid(
  validate(TEXT, { name: 'bench', environment: {} }),
  'bench',
).config.runtime;
