// The table of camera states: what every path through it has in common, and the way back from each kind of trouble.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CameraState } from '../../src/contracts/camera.ts';
import { readMessage } from '../../src/pipeline/camera-messages.ts';
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

describe('readMessage', () => {
  it('never throws, and gives back only what the contract knows', () => {
    const kinds = ['ready', 'stream', 'frame', 'printed', 'refused', 'log', 'ended', 'toString'];
    const hostile = fc.record({ kind: fc.constantFrom(...kinds) }, { noNullPrototype: true });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.tuple(hostile, fc.object()).map(([a, b]) => ({ ...b, ...a })),
        ),
        (value) => {
          const message = readMessage(value);
          if (message === undefined) return;
          expect(kinds).toContain(message.kind);
          expect(Object.hasOwn(message, '__proto__')).toBe(false);
        },
      ),
    );
  });

  it('drops fields that a frame does not have and refuses values that it cannot have', () => {
    const frame = {
      ...{ kind: 'frame', sequence: 1, ptsNs: 0, captureMs: 1, captureClock: 'host' },
      ...{ widthPx: 640, heightPx: 360, skipped: 0, motion: 1 },
    };
    expect(readMessage({ ...frame, camera: 'other', session: 'x' })).toEqual(frame);
    const boxes = [[0, 0.5, 0.25, 0.5]];
    expect(readMessage({ ...frame, motionBoxes: boxes })).toEqual({ ...frame, motionBoxes: boxes });
    const change = { box: boxes[0], ageMs: 12_000, kind: 'went' };
    const { kind: _, ...untold } = change;
    const backgroundChanges = [change, untold];
    expect(readMessage({ ...frame, backgroundChanges })).toEqual({ ...frame, backgroundChanges });
    for (const wrong of [
      { backgroundChanges: boxes },
      { backgroundChanges: [{ ...change, box: [0, 0.5, 2, 0.5] }] },
      { backgroundChanges: [{ ...change, ageMs: -1 }] },
      { backgroundChanges: [{ ...change, kind: 'stolen' }] },
      { backgroundChanges: [{ ...change, label: 'person' }] },
      { backgroundChanges: Array.from({ length: 9 }, () => change) },
      { motionBoxes: [[0, 0.5, 0.25]] },
      { motionBoxes: [[0, 0.5, 2, 0.5]] },
      { motionBoxes: Array.from({ length: 9 }, () => boxes[0]) },
      { sequence: -1 },
      { motion: 2 },
      { widthPx: 1e9 },
      { captureMs: Number.NaN },
      { captureClock: '' },
    ]) {
      expect(readMessage({ ...frame, ...wrong })).toBeUndefined();
    }
  });
});

describe('readMessage, of a print', () => {
  const printed = {
    ...{ kind: 'printed', id: 1, bytes: 3, tookUs: 1 },
    placement: { x: 0, y: 0, w: 1, h: 1 },
  };

  it('takes a newer frame in place of the one on the ticket', () => {
    const newer = { sequence: 2, ptsNs: 4e7, captureMs: 1 };
    expect(readMessage(printed)).toEqual(printed);
    expect(readMessage({ ...printed, newer })).toEqual({ ...printed, newer });
    for (const wrong of [null, 2, {}, { ...newer, sequence: -1 }, { ...newer, ptsNs: '0' }]) {
      expect(readMessage({ ...printed, newer: wrong })).toBeUndefined();
    }
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
