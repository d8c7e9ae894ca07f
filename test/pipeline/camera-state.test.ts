// The table of camera states: what every path through it has in common, and the way back from each kind of trouble.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CameraState } from '../../src/contracts/camera.ts';
import {
  type CameraInput,
  inputForEnd,
  nextState,
  retryPace,
} from '../../src/pipeline/camera-state.ts';
import { FrameRate, noticeEveryMs } from '../../src/pipeline/frame-rate.ts';
import { doorOf } from '../../src/pipeline/reachability.ts';

const INPUTS: readonly CameraInput[] = [
  ...(['enable', 'disable', 'attempt', 'frame', 'silence', 'lost'] as const),
  ...(['auth_failed', 'unsupported', 'finished'] as const),
];
const STATES: readonly CameraState[] = [
  ...(['connecting', 'live', 'stalled', 'auth_failed', 'unsupported', 'ended'] as const),
  'disabled',
];
const anyInputs = fc.array(fc.constantFrom(...INPUTS), { maxLength: 40 });

function follow(inputs: readonly CameraInput[], from: CameraState = 'disabled'): CameraState {
  return inputs.reduce(nextState, from);
}

describe('camera state', () => {
  it('is live only because a frame came', () => {
    fc.assert(
      fc.property(anyInputs, (inputs) => {
        let state: CameraState = 'disabled';
        for (const input of inputs) {
          const next = nextState(state, input);
          if (next === 'live' && state !== 'live') expect(input).toBe('frame');
          if (next === 'stalled' && state !== 'stalled')
            expect([state, input]).toEqual(['live', 'silence']);
          state = next;
        }
      }),
    );
  });

  it('stays disabled or ended until somebody enables the camera', () => {
    fc.assert(
      fc.property(anyInputs, fc.constantFrom<CameraState>('disabled', 'ended'), (inputs, from) => {
        const calm = inputs.filter((input) => input !== 'enable' && input !== 'disable');
        expect(follow(calm, from)).toBe(from);
        expect(follow([...calm, 'enable'], from)).toBe('connecting');
      }),
    );
  });

  it('gets live again from every kind of trouble with the next frame', () => {
    fc.assert(
      fc.property(anyInputs, (inputs) => {
        const state = follow([
          'enable',
          ...inputs.filter((i) => i !== 'disable' && i !== 'finished'),
        ]);
        expect(follow(['attempt', 'frame'], state)).toBe('live');
      }),
    );
  });

  it('keeps saying why a camera is refused while it is tried again', () => {
    expect(follow(['enable', 'attempt', 'auth_failed', 'attempt', 'silence'])).toBe('auth_failed');
    expect(follow(['enable', 'attempt', 'unsupported', 'attempt'])).toBe('unsupported');
    expect(follow(['enable', 'frame', 'silence', 'lost'])).toBe('stalled');
    expect(follow(['enable', 'frame', 'silence', 'lost', 'attempt'])).toBe('connecting');
  });

  it('tries again unless there is nothing to try for', () => {
    const never = STATES.filter((state) => retryPace(state) === 'never');
    expect(never).toEqual(['ended', 'disabled']);
    expect(STATES.filter((state) => retryPace(state) === 'slow')).toEqual([
      'auth_failed',
      'unsupported',
    ]);
  });

  it('takes the end of a live stream for a fault', () => {
    expect(inputForEnd('end_of_stream', false)).toBe('lost');
    expect(inputForEnd('end_of_stream', true)).toBe('finished');
    expect(inputForEnd('auth_failed', true)).toBe('auth_failed');
  });
});

describe('FrameRate', () => {
  it('measures steady cameras, also through notices that were left out', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.2, max: 120, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        (fps, step) => {
          const rate = new FrameRate();
          let now = 0;
          for (let sequence = 1; sequence < 2000 && now < 20_000; sequence += step) {
            now = (sequence * 1000) / fps;
            rate.add(sequence, now);
          }
          if (step / fps < 2) expect(rate.fps(now)).toBeCloseTo(fps, 3);
          expect(rate.stallAfterMs ?? 3000).toBeGreaterThanOrEqual(3000);
          if (rate.stallAfterMs !== undefined)
            expect(rate.stallAfterMs).toBeGreaterThan((9.9 * 1000) / fps);
        },
      ),
    );
  });

  it('counts frames that nobody was told of', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (steps) => {
        const rate = new FrameRate();
        let sequence = 0;
        const counted = steps.map((step, i) => {
          sequence += step;
          return rate.add(sequence, i * 200);
        });
        expect(counted).toEqual(steps);
      }),
    );
  });

  it('asks for notices as often as frames are wanted, and at least once a second', () => {
    expect([30, 5, 1].map(noticeEveryMs)).toEqual([1000 / 30, 200, 1000]);
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 120, noNaN: true }), (fps) => {
        const everyMs = noticeEveryMs(fps);
        expect(everyMs).toBeLessThanOrEqual(1000);
        expect(everyMs).toBeGreaterThan(Math.min(499, 999 / fps));
        const perInterval = 1000 / fps / everyMs;
        expect(perInterval).toBeCloseTo(Math.round(perInterval), 6);
      }),
    );
  });

  it('is zero when nothing came for five seconds', () => {
    const rate = new FrameRate();
    for (let i = 0; i < 100; i++) rate.add(i, i * 40);
    expect(rate.fps(3960)).toBeCloseTo(25);
    expect(rate.fps(3960 + 5001)).toBe(0);
  });
});

describe('doorOf', () => {
  it.each([
    ['rtsp://cam.lan/a', { host: 'cam.lan', port: 554, speaksRtsp: true }],
    ['rtsp://10.0.0.7:8554/a', { host: '10.0.0.7', port: 8554, speaksRtsp: true }],
    ['rtsp://[fe80::1]:8554/a', { host: 'fe80::1', port: 8554, speaksRtsp: true }],
    ['rtsps://cam.lan/a', { host: 'cam.lan', port: 322, speaksRtsp: false }],
    ['/dev/video0', undefined],
    ['clip.mp4', undefined],
  ])('%s', (source, door) => expect(doorOf(source)).toEqual(door));
});
