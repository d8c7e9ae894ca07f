// Frames for tests that need no pixels.
import type { Frame } from '../../src/contracts/frame.ts';

export function frameOf(camera: string, sequence: number, overrides: Partial<Frame> = {}): Frame {
  return {
    camera,
    session: 's1',
    sequence,
    ptsNs: sequence * 40_000_000,
    captureMs: 1_767_225_600_000 + sequence * 40,
    captureClock: 'host',
    arrivedMs: sequence * 40,
    widthPx: 1280,
    heightPx: 720,
    motion: 1,
    ...overrides,
  };
}
