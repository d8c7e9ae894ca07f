// Frames are held for results that are to come and for the last one, whatever order results come in.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NeededFrames } from '../../src/pipeline/needed-frames.ts';

it('needs the frame of the last result and all that are under way', () => {
  const needed = new NeededFrames();
  needed.asked(3);
  expect(needed.from).toBe(0);
  needed.came(3, 4);
  expect(needed.from).toBe(4);
  needed.asked(10);
  needed.asked(12);
  needed.came(12, 12);
  expect(needed.from).toBe(10);
  needed.came(10, undefined);
  expect(needed.from).toBe(12);
});

it('never lets go of a frame under way, nor of the newest result', () => {
  const steps = fc.array(fc.record({ asks: fc.boolean(), at: fc.nat() }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (run) => {
      const needed = new NeededFrames();
      const underWay: number[] = [];
      let sequence = 0;
      let newest = 0;
      let before = 0;
      for (const { asks, at } of run) {
        if (asks || underWay.length === 0) {
          sequence += at % 2;
          underWay.push(sequence);
          needed.asked(sequence);
        } else {
          const [came = 0] = underWay.splice(at % underWay.length, 1);
          const printed = at % 3 === 0 ? undefined : came + (at % 2);
          newest = Math.max(newest, printed ?? 0);
          needed.came(came, printed);
        }
        expect(needed.from).toBe(Math.min(newest, ...underWay));
        if (underWay.length === 0) expect(needed.from).toBeGreaterThanOrEqual(before);
        before = needed.from;
      }
    }),
  );
});
