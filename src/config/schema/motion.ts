// Block `motion` of a camera: what counts as movement in its picture.
import * as v from 'valibot';
import { polygon } from './places.ts';
import { numberBetween } from './values.ts';

const camera = { apply: 'camera' } as const;

export const motion = v.pipe(
  v.strictObject({
    enabled: v.optional(
      v.pipe(
        v.boolean(),
        v.description(
          'Whether movement is measured. When false, every frame that is due is analysed, the `motion` topic stays silent, and the camera’s process needs about 0.1 ms less for each of at most 16 frames a second.',
        ),
        v.metadata(camera),
      ),
      true,
    ),
    threshold: v.optional(
      v.pipe(
        numberBetween(2, 100),
        v.description(
          'Grey levels (of 255) by which a spot must become brighter or darker. Lower: people in dim corners are seen to move, and so are shadows and compression. Where a picture is noisy, more is asked by itself.',
        ),
        v.metadata(camera),
      ),
      8,
    ),
    fade_s: v.optional(
      v.pipe(
        numberBetween(1, 3600),
        v.description(
          'What stands still for so long is background from then on. While the background is younger than twice this, half its age counts.',
        ),
        v.metadata(camera),
      ),
      20,
    ),
    masks: v.optional(
      v.pipe(
        v.array(polygon),
        v.maxLength(32, 'at most 32 areas'),
        v.description(
          'Areas whose movement does not count: trees, a busy road, a clock drawn into the picture. Objects there are still found when something else makes a frame worth analysing; `masks` of the camera hides them, too.',
        ),
        v.metadata(camera),
      ),
      [],
    ),
  }),
  v.description(
    'Movement in the picture, against a background that is learnt on the way. Changes of the light and a camera that shakes do not count.',
  ),
  v.metadata(camera),
);
