// Section `log`.
import * as v from 'valibot';

export const log = v.pipe(
  v.strictObject({
    level: v.optional(
      v.pipe(
        v.picklist(['trace', 'debug', 'info', 'warn', 'error', 'silent']),
        v.description(
          'Least severity that is logged. `info` has changes of state only, `debug` also what is dropped and why.',
        ),
        v.metadata({ apply: 'live' }),
      ),
      'info',
    ),
  }),
  v.description('What is logged, as JSON lines on standard error.'),
);
