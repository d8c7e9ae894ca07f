// Keys of a camera that say how often its frames are analysed, and before whom.
import * as v from 'valibot';
import { numberBetween } from './values.ts';

export const schedule = {
  fps: v.optional(
    v.pipe(
      numberBetween(0.1, 60),
      v.description(
        'Frames per second that are analysed while something moves. Higher: fast objects are followed better, and cost rises in proportion. People on foot need about 5.',
      ),
      v.metadata({ apply: 'live' }),
    ),
    5,
  ),
  idle_fps: v.optional(
    v.pipe(
      numberBetween(0.05, 60),
      v.description(
        'Frames per second that are analysed while nothing moves and no object is in doubt. Movement brings back `fps` with the very frame that shows it. Lower: less cost on quiet cameras; objects that appear without movement are seen later. The same as `fps`: movement does not matter.',
      ),
      v.metadata({ apply: 'live' }),
    ),
    0.25,
  ),
  min_fps: v.optional(
    v.pipe(
      numberBetween(0.05, 60),
      v.description(
        'When the machine cannot serve all cameras: frames per second that this one keeps before another gets more than its own `min_fps`. The sum over all cameras must be what the machine can carry, or all fall below in proportion.',
      ),
      v.metadata({ apply: 'live' }),
    ),
    1,
  ),
  regions: v.optional(
    v.pipe(
      v.boolean(),
      v.description(
        'Where the picture is much larger than the model’s input and little of it moves, only that part is inferred, at a higher resolution; the whole picture at least once a second. Finds small objects far away. What does not move is then looked at once a second only.',
      ),
      v.metadata({ apply: 'live' }),
    ),
    false,
  ),
  priority: v.optional(
    v.pipe(
      numberBetween(0.1, 10),
      v.description(
        'When the machine cannot serve all cameras: weight against the others. A camera with 2 may be late by half as many of its intervals as one with 1 before it is served. Nobody starves, whatever the priorities.',
      ),
      v.metadata({ apply: 'live' }),
    ),
    1,
  ),
};
