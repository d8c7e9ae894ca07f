// Section `rules`: when something is so, then tell somebody.
import * as v from 'valibot';
import { time, when } from './conditions.ts';
import { tuned } from './places.ts';
import { NAME, NAME_RULE, name } from './values.ts';

const live = { apply: 'live' } as const;

const action = v.strictObject({
  event: v.pipe(
    name,
    v.description('Name of what happened, in `data.event` of the event that is told.'),
    v.examples(['waiting_too_long']),
    v.metadata(live),
  ),
  severity: v.optional(
    v.pipe(
      v.picklist(['info', 'warning', 'critical']),
      v.description('How bad it is, for whoever receives it.'),
      v.metadata(live),
    ),
    'warning',
  ),
  alerts: v.optional(
    v.pipe(
      v.array(name),
      v.description(
        'Receivers of section `alerts` that are told. Empty: all that ask for `rule` events.',
      ),
      v.metadata(live),
    ),
    [],
  ),
  still: v.optional(
    v.pipe(v.boolean(), v.description('Wants a still of the moment.'), v.metadata(live)),
    false,
  ),
  clip: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Wants a piece of the stream around the moment as MP4, as long as `storage.clips` says.',
      ),
      v.metadata(live),
    ),
    false,
  ),
});

const rule = v.pipe(
  v.strictObject({
    cameras: v.exactOptional(
      v.pipe(
        v.array(name),
        v.minLength(1, 'at least one camera'),
        v.description('Cameras it applies to, each for itself. Absent: all.'),
        v.examples([['front']]),
        v.metadata(live),
      ),
    ),
    when: v.pipe(
      when,
      v.description(
        'What must be so: objects (`label`, `zone`, `dwell_s`, `still_s`, `speed_kmh`, `count`), an `event`, a `counter`, a `time`, the `sun`, or `all`, `any`, `not`, `sequence` of such. docs/analytics.md shows each.',
      ),
      v.examples([{ label: 'person', zone: 'gate', dwell_s: '> 300', count: '>= 3' }]),
      v.metadata(live),
    ),
    // biome-ignore lint/suspicious/noThenProperty: it is the key of the YAML file, and never a function
    then: v.pipe(action, v.description('What is told when it fires.'), v.metadata(live)),
    for_s: tuned(0, 86_400, 0, 'How long it must hold before it fires.'),
    release_s: tuned(0, 86_400, 1, 'It fires again only after it has not held for this long.'),
    cooldown_s: tuned(0, 604_800, 0, 'Least time between two firings for the same camera.'),
    once_per_track: v.optional(
      v.pipe(
        v.boolean(),
        v.description('An object that it fired for does not make it fire again.'),
        v.metadata(live),
      ),
      false,
    ),
    quiet: v.optional(
      v.pipe(
        v.array(time),
        v.description(
          "Times in which nothing fires, like `{ time: '22:00-06:00', days: [sat, sun] }`; what still holds afterwards does.",
        ),
        v.metadata(live),
      ),
      [],
    ),
  }),
  v.transform(({ then: told, ...rest }) => ({ ...rest, action: told })),
);

export const rules = v.pipe(
  v.record(v.pipe(v.string(), v.regex(NAME, NAME_RULE)), rule),
  v.description(
    'Rules by their name: `when` something is so, `then` tell. Try them on recorded tracks with `vedette replay`.',
  ),
  v.metadata(live),
);
