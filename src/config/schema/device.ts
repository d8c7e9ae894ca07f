// Section `device`: who this machine is to the outside.
import { hostname } from 'node:os';
import * as v from 'valibot';
import { NAME, name } from './values.ts';

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
  }),
  v.transform((section) => ({ name: section.name ?? hostName() })),
  v.description('Who this machine is to the outside.'),
);

/** The first label of the host name, with what cannot be part of a topic replaced by `-`. */
function hostName(): string {
  const label = hostname()
    .split('.')[0]!
    .replace(/[^A-Za-z0-9_-]/g, '-');
  return NAME.test(label) ? label : 'vedette';
}
