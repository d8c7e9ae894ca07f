// What a rule's `when` may say. The key that stands in a block decides which kind of condition it is.
import * as v from 'valibot';
import { EVENT_TYPES } from '../../contracts/event.ts';
import { COMPARISON, type Condition, DAYS, WINDOW } from '../../contracts/rule.ts';
import { name, numberBetween, text } from './values.ts';

const comparison = v.union([
  v.number(),
  v.pipe(v.string(), v.regex(COMPARISON, "a number (at least so much), or '>= 3', '< 3', '== 3'")),
]);

/** Looks at the data only to choose the schema, so that complaints name the right keys. */
const condition: v.GenericSchema<Condition> = v.lazy((input) =>
  input === undefined ? v.union(Object.values(KINDS)) : (KINDS[kindOf(input)] ?? KINDS.objects),
);

const several = v.pipe(v.array(condition), v.minLength(1, 'at least one condition'));

const live = { apply: 'live' } as const;

export const time = v.strictObject({
  time: v.pipe(
    v.string(),
    v.regex(WINDOW, "a time of day like '22:00-06:00', in quotes"),
    v.description('Begin and end by the clock of `device.timezone`; it may reach over midnight.'),
    v.examples(['22:00-06:00']),
    v.metadata(live),
  ),
  days: v.exactOptional(
    v.pipe(
      v.array(v.picklist(DAYS)),
      v.description('Days on which it begins. Absent: all.'),
      v.examples([['sat', 'sun']]),
      v.metadata(live),
    ),
  ),
});

const KINDS = {
  all: v.strictObject({ all: several }),
  any: v.strictObject({ any: several }),
  not: v.strictObject({ not: condition }),
  sequence: v.strictObject({
    sequence: v.pipe(several, v.minLength(2, 'at least two steps')),
    within_s: numberBetween(0, 86_400),
    same_object: v.exactOptional(v.boolean()),
  }),
  event: v.strictObject({
    event: v.picklist(EVENT_TYPES),
    zone: v.exactOptional(name),
    line: v.exactOptional(name),
    direction: v.exactOptional(name),
    label: v.exactOptional(text),
  }),
  counter: v.strictObject({
    counter: v.strictObject({
      zone: v.exactOptional(name),
      line: v.exactOptional(name),
      kind: name,
      label: v.exactOptional(text),
    }),
    total: comparison,
  }),
  time,
  sun: v.strictObject({ sun: v.union([v.picklist(['up', 'down']), comparison]) }),
  objects: v.pipe(
    v.strictObject({
      label: v.exactOptional(text),
      zone: v.exactOptional(name),
      dwell_s: v.exactOptional(comparison),
      still_s: v.exactOptional(comparison),
      speed_kmh: v.exactOptional(comparison),
      count: v.exactOptional(comparison),
    }),
    v.check((value) => Object.keys(value).length > 0, 'at least one part'),
    v.check(
      ({ dwell_s, zone }) => dwell_s === undefined || zone !== undefined,
      'a `zone` for `dwell_s`',
    ),
  ),
} as const;

function kindOf(input: unknown): keyof typeof KINDS {
  if (typeof input !== 'object' || input === null) return 'objects';
  return (Object.keys(KINDS) as (keyof typeof KINDS)[]).find((kind) => kind in input) ?? 'objects';
}

export const when: v.GenericSchema<Condition> = condition;
