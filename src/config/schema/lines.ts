// Section `lines`: lines across a picture at which objects are counted.
import * as v from 'valibot';
import { camera, duration, meant, point, reset, tuned } from './places.ts';
import { NAME, NAME_RULE, name } from './values.ts';

const live = { apply: 'live' } as const;

function direction(fallback: string, side: string) {
  return v.optional(
    v.pipe(
      name,
      v.description(`What crossing to the ${side} is called, seen from the first point.`),
      v.metadata(live),
    ),
    fallback,
  );
}

const line = v.pipe(
  v.strictObject({
    camera,
    points: v.pipe(
      v.tuple([point, point]),
      v.description('Its two ends, `[x, y]` as fractions of the picture.'),
      v.examples([
        [
          [0.2, 0.8],
          [0.8, 0.8],
        ],
      ]),
      v.metadata(live),
    ),
    to_right: direction('in', 'right'),
    to_left: direction('out', 'left'),
    anchor: v.optional(
      v.pipe(
        v.picklist(['bottom_centre', 'centre']),
        v.description('Which point of a box must cross.'),
        v.metadata(live),
      ),
      'bottom_centre',
    ),
    margin: tuned(
      0,
      2,
      0.1,
      'An object has crossed when it is this far beyond, in heights of its box. Higher: wobbling counts even less, and what turns back soon does not count.',
    ),
    debounce_s: tuned(0, 60, 0, 'It must stay beyond for this long; turning back is no crossing.'),
    ...meant,
    allowed: v.exactOptional(
      v.pipe(
        name,
        v.description('The one direction that is allowed; the other is also told as `wrong_way`.'),
        v.examples(['in']),
        v.metadata(live),
      ),
    ),
    tailgating_s: duration(
      'Two that cross in the same direction within this time are also told as `tailgating`.',
      2,
    ),
    reset,
  }),
  v.check(({ to_right, to_left }) => to_right !== to_left, 'two different names of directions'),
  v.check(
    ({ allowed, to_right, to_left }) =>
      allowed === undefined || [to_right, to_left].includes(allowed),
    '`allowed` to be one of its two directions',
  ),
  v.check(({ points: [a, b] }) => a[0] !== b[0] || a[1] !== b[1], 'two different points'),
);

export const lines = v.pipe(
  v.record(v.pipe(v.string(), v.regex(NAME, NAME_RULE)), line),
  v.description(
    'Lines by their name: every crossing is told and counted in both directions. Names keep their counters when the line is edited.',
  ),
  v.metadata(live),
);
