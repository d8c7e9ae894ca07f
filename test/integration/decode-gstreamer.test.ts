// Units and frames reach JavaScript on one way and the bus on another: a bus that is slow must not cost the first of them.
import { createRequire } from 'node:module';
import { afterEach, expect, it, vi } from 'vitest';
import { withTestClips } from '../../src/hw/media.ts';
import type { EncodedUnit } from '../../src/native/frames.ts';
import { GstreamerDecoder } from '../../src/pipeline/decode-gstreamer.ts';
import type { StreamInfo } from '../../src/pipeline/decoder.ts';
import { orderOf } from './camera-harness.ts';

/** Of the first test clip every unit has passed by then. */
const BUS_LATE_MS = 300;

interface Bus {
  pollBus(fn: (message: object) => void): void;
}

afterEach(() => vi.restoreAllMocks());

it('a stream is known by its codec and decoder with its first unit, however late the bus', async () => {
  const { Pipeline } = createRequire(import.meta.url)('gstreamer-superficial') as {
    Pipeline: { prototype: Bus };
  };
  const poll = Pipeline.prototype.pollBus;
  vi.spyOn(Pipeline.prototype, 'pollBus').mockImplementation(function (this: Bus, fn) {
    poll.call(this, (message) => setTimeout(fn, BUS_LATE_MS, message));
  });
  const streams: StreamInfo[] = [];
  const units: EncodedUnit[] = [];
  await withTestClips(async ({ h265 }) => {
    const order = orderOf(h265, { decode: 'none' });
    await new Promise<void>((resolve, reject) => {
      const decoder = new GstreamerDecoder(order, { kind: 'file', path: h265 }, undefined, {
        stream: (info) => streams.push(info),
        unit: (_codec, unit) => units.push(unit),
        log: () => undefined,
        ended: ({ end, cause }) => (end === 'end_of_stream' ? resolve() : reject(new Error(cause))),
      });
      decoder.load();
      decoder.start();
      decoder.wantEncoded(true);
    });
  });
  expect(streams.map(({ codec }) => codec)).toEqual(['h265']);
  // Of a bare byte stream only the first unit has a time, and that is the one a record cannot do without.
  expect(units.map(({ key }) => key)).toEqual([true]);
});
