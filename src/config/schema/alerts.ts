// Section `alerts`: who is told about which events, at once.
import * as v from 'valibot';
import { EVENT_TYPES } from '../../contracts/event.ts';
import { labels, name, numberBetween, text } from './values.ts';

const receiver = {
  name: v.pipe(
    name,
    v.description('Name of this receiver in logs and health reports.'),
    v.examples(['operations']),
    v.metadata({ apply: 'agent' }),
  ),
  type: v.optional(
    v.pipe(
      v.picklist(['webhook']),
      v.description('Kind of receiver: `webhook` posts the event as JSON.'),
      v.metadata({ apply: 'agent' }),
    ),
    'webhook',
  ),
  url: v.pipe(
    v.string(),
    v.regex(/^https?:\/\/[^\s/]+(\/\S*)?$/i, 'https://host/path or http://host/path'),
    v.description('Where events are posted to.'),
    v.examples(['https://alerts.example.com/vedette']),
    v.metadata({ apply: 'agent', environment: true }),
  ),
  secret: v.exactOptional(
    v.pipe(
      text,
      v.description(
        'Key of the HMAC-SHA256 signature that goes with each request, so that the receiver can tell ours from others. Absent: requests are not signed.',
      ),
      v.examples(['correct horse']),
      v.metadata({ apply: 'agent', secret: true }),
    ),
  ),
  headers: v.optional(
    v.pipe(
      v.record(
        v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]+$/, 'a header name')),
        v.pipe(text, v.metadata({ apply: 'agent', secret: true })),
      ),
      v.description('Further headers of each request, for instance `Authorization`.'),
      v.metadata({ apply: 'agent' }),
    ),
    {},
  ),
};

const selection = {
  events: v.optional(
    v.pipe(
      v.array(v.picklist(EVENT_TYPES)),
      v.minLength(1, 'at least one event type'),
      v.description('Types of events that are told.'),
      v.metadata({ apply: 'agent' }),
    ),
    ['object_new'],
  ),
  labels: v.exactOptional(
    v.pipe(
      labels,
      v.description('Only objects with these labels. Absent: all.'),
      v.examples([['person']]),
      v.metadata({ apply: 'agent' }),
    ),
  ),
  cameras: v.exactOptional(
    v.pipe(
      v.array(v.string()),
      v.description('Only these cameras. Absent: all.'),
      v.examples([['front']]),
      v.metadata({ apply: 'agent' }),
    ),
  ),
  cooldown_s: v.optional(
    v.pipe(
      numberBetween(0, 86_400),
      v.description(
        'After an alert, the same camera and label stay quiet for this many seconds. Higher: fewer messages, later objects go untold.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    0,
  ),
};

export const alerts = v.pipe(
  v.array(v.strictObject({ ...receiver, ...selection })),
  v.description('Who is told about which events, at once.'),
  v.metadata({ apply: 'agent' }),
);
