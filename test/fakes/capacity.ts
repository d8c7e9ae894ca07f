// A capacity profile with round numbers, for tests of what follows from one.
import fc from 'fast-check';
import type { CapacityProfile, Fingerprint } from '../../src/contracts/capacity.ts';
import type { Machine } from '../../src/pipeline/admission.ts';

/** 2 cores: a stream costs 25 × 2 = 50 ms/s to decode, an analysed frame 10 ms, 170 of them per second at 85 %. */
export function capacityOf(changes: Partial<CapacityProfile> = {}): CapacityProfile {
  return {
    measured_at: '2026-01-01T00:00:00.000Z',
    vedette: '0.0.0',
    model: 'a-model',
    layout: { sessions: 2, threads: 1, batch: 1 },
    clip: { width: 1920, height: 1080, fps: 25, codec: 'h264', decoder: 'avdec_h264' },
    decode_cpu_ms: 2,
    print_cpu_ms: 1,
    inference_cpu_ms: 8,
    rest_cpu_ms: 1,
    decode_fps: 1000,
    print_fps: 2000,
    inference_fps: 250,
    ...changes,
  };
}

export const ON: Fingerprint = {
  ...{ model_sha256: 'a'.repeat(64), cpu: 'A', cores: 2, arch: 'x64', provider: 'cpu' },
  ...{ runtime_library: '/lib/libonnxruntime.so.1', runtime_version: '1.30.0' },
};

const cost = fc.double({ min: 0.01, max: 60, noNaN: true });

/** Any machine whose parts were measured. */
export const machines: fc.Arbitrary<Machine> = fc.record({
  cores: fc.integer({ min: 1, max: 64 }),
  profile: fc
    .record({
      decode_cpu_ms: cost,
      print_cpu_ms: cost,
      inference_cpu_ms: cost,
      rest_cpu_ms: cost,
      inference_fps: fc.double({ min: 1, max: 2000, noNaN: true }),
    })
    .map(capacityOf),
});
