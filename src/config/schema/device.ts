// Section `device`: who this machine is to the outside.
import { hostname } from 'node:os';
import * as v from 'valibot';
import { NAME, name, numberBetween } from './values.ts';

export const device = v.pipe(
  v.strictObject({
    name: v.exactOptional(
      v.pipe(
        name,
        v.description(
          'Name of this device in topics, events and alerts. Changing it moves all topics: consumers must follow. Absent: the host name of the machine.',
        ),
        v.examples(['gate-2']),
        v.metadata({ apply: 'agent', environment: true }),
      ),
    ),
    timezone: v.optional(
      v.pipe(
        v.string(),
        v.check(isTimezone, 'a name of the time zone database, like Europe/Berlin'),
        v.description('Whose clock schedules, quiet hours and counter resets follow.'),
        v.metadata({ apply: 'live' }),
      ),
      'UTC',
    ),
    location: v.exactOptional(
      v.pipe(
        v.strictObject({
          latitude: v.pipe(
            numberBetween(-90, 90),
            v.description('Degrees north.'),
            v.examples([52.52]),
            v.metadata({ apply: 'live' }),
          ),
          longitude: v.pipe(
            numberBetween(-180, 180),
            v.description('Degrees east.'),
            v.examples([13.4]),
            v.metadata({ apply: 'live' }),
          ),
        }),
        v.description('Where it stands, for rules that ask for the sun.'),
        v.metadata({ apply: 'live' }),
      ),
    ),
  }),
  v.transform((section) => ({ ...section, name: section.name ?? hostName() })),
  v.description('Who this machine is to the outside.'),
);

/** The first label of the host name, with what cannot be part of a topic replaced by `-`. */
function hostName(): string {
  const label = hostname()
    .split('.')[0]!
    .replace(/[^A-Za-z0-9_-]/g, '-');
  return NAME.test(label) ? label : 'vedette';
}

/** The first name that is looked up loads tables for some 20 ms of every start; the default is spared that. */
function isTimezone(name: string): boolean {
  if (name === 'UTC') return true;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
