import fc from 'fast-check';
import { expect, it } from 'vitest';
import { InOrder } from '../../src/pipeline/in-order.ts';

it('delivers each key in the order of entry, whatever the order of settling', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), isLost: fc.boolean() })),
      fc.func(fc.nat()),
      (entries, shuffle) => {
        const delivered: { key: string; index: number }[] = [];
        const line = new InOrder<{ key: string; index: number }>((r) => delivered.push(r));
        const places = entries.map(({ key, isLost }, index) => ({
          place: line.enter(key),
          result: isLost ? undefined : { key, index },
        }));
        const order = places
          .map((p, i) => ({ p, rank: shuffle(i) }))
          .sort((a, b) => a.rank - b.rank);
        for (const { p } of order) p.place.settle(p.result);
        for (const key of ['a', 'b', 'c']) {
          const got = delivered.filter((r) => r.key === key).map((r) => r.index);
          const want = entries.flatMap((e, i) => (e.key === key && !e.isLost ? [i] : []));
          expect(got).toEqual(want);
        }
      },
    ),
  );
});
