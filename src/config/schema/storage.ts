// Section `storage`: what is kept on this machine, and for how long.
import * as v from 'valibot';
import { numberBetween, text, wholeNumber } from './values.ts';

const stills = v.pipe(
  v.strictObject({
    enabled: v.optional(
      v.pipe(
        v.boolean(),
        v.description('Keep a JPEG of the best view of each object.'),
        v.metadata({ apply: 'agent' }),
      ),
      true,
    ),
    max_mb: v.optional(
      v.pipe(
        wholeNumber(1, 1_000_000),
        v.description(
          'Most megabytes of stills on disk; the oldest go first, also before `retention_days` have passed.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      1024,
    ),
    quality: v.optional(
      v.pipe(
        wholeNumber(1, 100),
        v.description('JPEG quality. Higher: larger files; above 90 nobody sees a difference.'),
        v.metadata({ apply: 'agent' }),
      ),
      85,
    ),
    annotate: v.optional(
      v.pipe(
        v.boolean(),
        v.description('Draw box, label and track number into the stills.'),
        v.metadata({ apply: 'agent' }),
      ),
      false,
    ),
  }),
  v.description('Pictures of the objects that were seen.'),
);

const clips = v.pipe(
  v.strictObject({
    before_s: v.optional(
      v.pipe(
        numberBetween(0, 60),
        v.description(
          'Seconds before the moment. A clip begins with the key frame before that, so it may be longer by up to their interval.',
        ),
        v.metadata({ apply: 'live' }),
      ),
      5,
    ),
    after_s: v.optional(
      v.pipe(
        numberBetween(0, 300),
        v.description('Seconds after the moment.'),
        v.metadata({ apply: 'live' }),
      ),
      10,
    ),
    buffer_mb: v.optional(
      v.pipe(
        wholeNumber(1, 1024),
        v.description(
          'Most memory for one stream of a camera that has a rule with `clip`. Too little for its bit rate: clips begin later.',
        ),
        v.metadata({ apply: 'live' }),
      ),
      32,
    ),
    max_mb: v.optional(
      v.pipe(
        wholeNumber(1, 1_000_000),
        v.description(
          'Most megabytes of clips on disk; the oldest go first, also before `retention_days` have passed.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      2048,
    ),
  }),
  v.description('Pieces of the streams, as they were sent, that rules with `clip` keep.'),
);

export const storage = v.pipe(
  v.strictObject({
    path: v.optional(
      v.pipe(
        v.string(),
        v.startsWith('/', 'an absolute path'),
        v.description(
          'Folder of the database, the stills, the clips and the models. Must be writable; nothing is moved when it changes.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      '/var/lib/vedette',
    ),
    database: v.optional(
      v.pipe(
        text,
        v.description('Name of the SQLite file in `path`.'),
        v.metadata({ apply: 'agent' }),
      ),
      'vedette.db',
    ),
    retention_days: v.optional(
      v.pipe(
        numberBetween(0.01, 3650),
        v.description('Events, tracks, stills and clips that are older are deleted.'),
        v.metadata({ apply: 'agent' }),
      ),
      7,
    ),
    stills: v.optional(stills, {}),
    clips: v.optional(clips, {}),
  }),
  v.description('What is kept on this machine, and for how long.'),
);
