// What zones, lines and masks have in common: points, the objects that are meant, when counters begin anew.
import * as v from 'valibot';
import { fraction, labels, name, numberBetween } from './values.ts';

const live = { apply: 'live' } as const;

export const point = v.pipe(
  v.tuple([fraction, fraction]),
  v.description('`[x, y]` as fractions of the picture, from its top left.'),
);

export const polygon = v.pipe(
  v.array(point),
  v.minLength(3, 'at least three points'),
  v.maxLength(64, 'at most 64 points'),
);

export const camera = v.pipe(
  name,
  v.description('The camera in whose picture it lies.'),
  v.examples(['front']),
  v.metadata(live),
);

/** Keys of an object filter. */
export const meant = {
  labels: v.exactOptional(
    v.pipe(
      labels,
      v.minLength(1, 'at least one label'),
      v.description('Only objects with these labels count here. Absent: all.'),
      v.examples([['person']]),
      v.metadata(live),
    ),
  ),
  min_area: v.exactOptional(
    v.pipe(
      fraction,
      v.description('Smaller objects (box area as a share of the picture) do not count here.'),
      v.examples([0.001]),
      v.metadata(live),
    ),
  ),
  max_area: v.exactOptional(
    v.pipe(
      fraction,
      v.description('Larger objects do not count here.'),
      v.examples([0.5]),
      v.metadata(live),
    ),
  ),
  min_score: v.exactOptional(
    v.pipe(
      fraction,
      v.description('Objects whose best score stays below do not count here.'),
      v.examples([0.6]),
      v.metadata(live),
    ),
  ),
};

export const reset = v.optional(
  v.pipe(
    v.picklist(['never', 'hourly', 'daily', 'weekly', 'monthly']),
    v.description(
      'When its counters begin anew, by the clock of `device.timezone`; weeks begin on Monday. The totals until then are told in a `counter_reset` event.',
    ),
    v.metadata(live),
  ),
  'never',
);

/** An optional duration in seconds, up to a week. */
export function duration(description: string, example: number) {
  return v.exactOptional(
    v.pipe(
      numberBetween(0, 604_800),
      v.description(description),
      v.examples([example]),
      v.metadata(live),
    ),
  );
}

/** A number with a default that applies live. */
export function tuned(min: number, max: number, fallback: number, description: string) {
  return v.optional(
    v.pipe(numberBetween(min, max), v.description(description), v.metadata(live)),
    fallback,
  );
}
