// Kinds of values that several sections share, with messages for people.
import * as v from 'valibot';

/** Names become MQTT topic levels, file names and metric labels, so their alphabet is that of all three. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
export const NAME_RULE = 'letters, digits, - and _, at most 64, beginning with a letter or digit';

export const name = v.pipe(v.string(), v.regex(NAME, NAME_RULE));

export const text = v.pipe(v.string(), v.minLength(1, 'some text'), v.maxLength(1024));

export const path = v.pipe(v.string(), v.regex(/^[^\0]{1,4096}$/, 'a path'));

/** Of a detection or track: 0 (a guess) to 1 (certain). */
export const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** Lower-case words as the model's labels have them. */
export const labels = v.array(v.pipe(v.string(), v.minLength(1, 'a label of the model')));

export function wholeNumber(min: number, max: number) {
  return v.pipe(v.number(), v.integer('a whole number'), v.minValue(min), v.maxValue(max));
}

export function numberBetween(min: number, max: number) {
  return v.pipe(v.number(), v.minValue(min), v.maxValue(max));
}
