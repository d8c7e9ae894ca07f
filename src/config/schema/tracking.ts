// Section `tracking`: how detections become objects that are followed. Times are seconds, never frames.
import * as v from 'valibot';
import { fraction, numberBetween, wholeNumber } from './values.ts';

const association = {
  tracker: v.optional(
    v.pipe(
      v.picklist(['byte_track', 'oc_sort']),
      v.description(
        '`byte_track` keeps more objects through weak detections; `oc_sort` keeps identities apart better when people who look alike cross.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    'byte_track',
  ),
  high_score: v.exactOptional(
    v.pipe(
      fraction,
      v.description(
        'Detections from this score on take part in the first association. Higher: fewer false tracks, later confirmation of far or half-hidden objects. Absent: as the model’s manifest says, else 0.5.',
      ),
      v.examples([0.5]),
      v.metadata({ apply: 'agent' }),
    ),
  ),
  low_score: v.exactOptional(
    v.pipe(
      fraction,
      v.description(
        'Weaker detections down to this score only continue tracks that the first association left over. Higher: tracks break sooner behind obstacles. Lower: shadows and reflections hold on to tracks. Absent: as the model’s manifest says, else 0.1.',
      ),
      v.examples([0.1]),
      v.metadata({ apply: 'agent' }),
    ),
  ),
  min_similarity: v.optional(
    v.pipe(
      fraction,
      v.description(
        'Least overlap (IoU times score) of a detection with the predicted box. Higher: identities are swapped less often in crowds, fast objects are lost more often at low frame rates.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    0.2,
  ),
  min_low_iou: v.optional(
    v.pipe(
      fraction,
      v.description('Least IoU of the second, weak association.'),
      v.metadata({ apply: 'agent' }),
    ),
    0.5,
  ),
  label_switch_iou: v.optional(
    v.pipe(
      fraction,
      v.description(
        'A detection with another label continues a track only from this IoU on; 1 forbids it. The label that is told is always the winner of the votes.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    0.6,
  ),
};

const lifecycle = {
  new_score: v.exactOptional(
    v.pipe(
      fraction,
      v.description(
        'A track is born from this score on. Higher: fewer false objects, slower starts. Absent: as the model’s manifest says, else 0.6.',
      ),
      v.examples([0.6]),
      v.metadata({ apply: 'agent' }),
    ),
  ),
  confirm_hits: v.optional(
    v.pipe(
      wholeNumber(1, 100),
      v.description(
        'Sure detections in a row that confirm a track. Sure are scores from four fifths of the way between `high_score` and 1 on; a less sure detection counts for less. Higher: fewer false objects, reported later.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    2,
  ),
  confirm_s: v.optional(
    v.pipe(
      numberBetween(0, 60),
      v.description(
        'A track that was seen in every analysed frame for this many seconds is confirmed however unsure its detections are. Higher: doubtful objects are reported later, false ones less often.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    0.35,
  ),
  lost_s: v.optional(
    v.pipe(
      numberBetween(0, 60),
      v.description(
        'How long an unseen object is remembered, in seconds. Higher: identities survive longer behind obstacles and `object_end` comes later; too high, and a newcomer inherits the identity.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    1.5,
  ),
};

const motion = {
  inertia: v.optional(
    v.pipe(
      numberBetween(0, 10),
      v.description(
        'With `oc_sort`: how much the direction of movement decides between rivals; 0 switches it off.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    0.2,
  ),
  direction_s: v.optional(
    v.pipe(
      numberBetween(0, 10),
      v.description('With `oc_sort`: the direction is taken over about this many seconds.'),
      v.metadata({ apply: 'agent' }),
    ),
    0.3,
  ),
  appearance: v.optional(
    v.pipe(
      fraction,
      v.description(
        'Weight of appearance against overlap, where detections carry re-identification embeddings; without them it has no effect.',
      ),
      v.metadata({ apply: 'agent' }),
    ),
    0.25,
  ),
};

export const tracking = v.pipe(
  v.strictObject({ ...association, ...lifecycle, ...motion }),
  v.check(
    ({ low_score, high_score }) => (low_score ?? 0) <= (high_score ?? 1),
    '`low_score` not above `high_score`',
  ),
  v.description('How detections become objects that are followed.'),
);
