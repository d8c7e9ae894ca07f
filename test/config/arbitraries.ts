// Configurations as people might write them, for property tests.
import fc from 'fast-check';

const name = fc
  .stringMatching(/^[a-z][a-z0-9_-]{0,6}$/)
  .filter((id) => id !== 'constructor' && id !== 'prototype');
const url = fc.stringMatching(/^rtsp:\/\/[a-z]{1,5}\/[a-z0-9]{0,5}$/);

const camera = fc.oneof(
  url,
  fc.record(
    {
      url,
      fps: fc.integer({ min: 1, max: 30 }),
      transport: fc.constantFrom('tcp', 'udp'),
      enabled: fc.boolean(),
      labels: fc.array(fc.constantFrom('person', 'car', 'dog'), { minLength: 1, maxLength: 3 }),
      password: fc.stringMatching(/^[ -~]{1,12}$/).filter((text) => !/\$\{|\*\*\*/.test(text)),
    },
    { requiredKeys: ['url'] },
  ),
  fc.record({ streams: fc.record({ detect: url, record: fc.oneof(url, fc.record({ url })) }) }),
);

/** Plain data of a valid configuration. */
export const written: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    cameras: fc.dictionary(name, camera, { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
    device: fc.record({ name }, { requiredKeys: [] }),
    model: fc.oneof(name, fc.record({ path: fc.constant('/m.onnx') })),
    tracking: fc.record(
      {
        lost_s: fc.integer({ min: 0, max: 60 }),
        tracker: fc.constantFrom('byte_track', 'oc_sort'),
      },
      { requiredKeys: [] },
    ),
    mqtt: fc.record(
      { url: fc.constant('mqtt://b'), publish_tracks: fc.boolean() },
      { requiredKeys: ['url'] },
    ),
    alerts: fc.array(fc.record({ name, url: fc.constant('http://x') }), { maxLength: 1 }),
    log: fc.record({ level: fc.constantFrom('info', 'debug') }),
  },
  { requiredKeys: ['cameras'] },
);
