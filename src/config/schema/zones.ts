// Section `zones`: areas of a picture in which something is expected to happen, or not to.
import * as v from 'valibot';
import { camera, duration, meant, polygon, reset, tuned } from './places.ts';
import { labels, NAME, NAME_RULE, numberBetween, wholeNumber } from './values.ts';

const live = { apply: 'live' } as const;

const crowd = v.pipe(
  v.strictObject({
    count: v.pipe(
      wholeNumber(1, 10_000),
      v.description('So many objects at once are a crowd.'),
      v.examples([10]),
      v.metadata(live),
    ),
    for_s: tuned(0, 86_400, 0, 'For how long there must be that many.'),
  }),
  v.description('Tells `crowding` when there are too many for too long, and `crowding_end`.'),
);

const zone = v.strictObject({
  camera,
  polygon: v.pipe(
    polygon,
    v.description('Its corners in order, `[x, y]` as fractions of the picture.'),
    v.examples([
      [
        [0.1, 0.5],
        [0.6, 0.5],
        [0.6, 0.9],
        [0.1, 0.9],
      ],
    ]),
    v.metadata(live),
  ),
  anchor: v.optional(
    v.pipe(
      v.picklist(['bottom_centre', 'centre', 'overlap']),
      v.description(
        'Which point of a box must be inside: `bottom_centre`, where people and vehicles stand; `centre`; or `overlap`, a share of the whole box.',
      ),
      v.metadata(live),
    ),
    'bottom_centre',
  ),
  min_overlap: tuned(0.01, 1, 0.5, 'With anchor `overlap`: the share of the box.'),
  margin: tuned(
    0,
    2,
    0.1,
    'An object inside leaves only when it is this far outside, in heights of its box. Higher: objects that wobble on the edge do not come and go; exits are told later.',
  ),
  enter_s: tuned(0, 3600, 0.2, 'How long an object must be inside before it has entered.'),
  exit_s: tuned(0, 3600, 0.5, 'How long it must be outside before it has left.'),
  ...meant,
  loiter_s: duration('Tells `loitering` once per visit that lasts this long.', 300),
  crowd: v.exactOptional(crowd),
  absence_s: duration(
    'Tells `absence` when nobody was here for this long, and `absence_end`.',
    600,
  ),
  stationary_s: duration('Tells `stationary` when an object stood here for this long.', 120),
  direction: v.exactOptional(
    v.pipe(
      numberBetween(0, 360),
      v.description(
        'Where traffic goes here, in degrees on the picture, clockwise from upwards. Movement against it is told as `wrong_way`.',
      ),
      v.examples([90]),
      v.metadata(live),
    ),
  ),
  max_speed_kmh: v.exactOptional(
    v.pipe(
      numberBetween(0, 500),
      v.description('Tells `speeding` above this; needs the `ground` of the camera.'),
      v.examples([30]),
      v.metadata(live),
    ),
  ),
  left_s: duration(
    'Tells `object_left` when something with one of `left_labels` lies here alone for this long.',
    60,
  ),
  left_labels: v.optional(
    v.pipe(labels, v.description('What may be left behind.'), v.metadata(live)),
    ['backpack', 'handbag', 'suitcase'],
  ),
  reset,
});

export const zones = v.pipe(
  v.record(v.pipe(v.string(), v.regex(NAME, NAME_RULE)), zone),
  v.description(
    'Areas by their name: who enters and leaves, how long they stay, how many there are. Names keep their counters when the area is edited.',
  ),
  v.metadata(live),
);
