// What `vedette explain` says follows from two looks at the counters; each shortage is named by the stage that causes it.
import { expect, test } from 'vitest';
import type { CameraStatus, RecordStatus } from '../../src/contracts/camera.ts';
import { type CameraFacts, type CameraSample, explainCamera } from '../../src/pipeline/explain.ts';

const NONE = { not_due: 0, still: 0, replaced: 0, overload: 0, removed: 0 };
const BEFORE: CameraSample = {
  ...{ atMs: 1000, decoded: 100, inferred: 50, printedBytes: 5_000_000, refusedPrints: 0 },
  ...{ skipped: NONE, processCpuMs: 400, recordCpuMs: 40, allInferred: 80, sessionBusyMs: 500 },
};
/** Two seconds at 25 fps, 8 analysed frames/s wanted and inferred, 5 ms each, of 12 for all cameras. */
const AFTER: CameraSample = {
  ...{ atMs: 3000, decoded: 150, inferred: 66, printedBytes: 5_000_000 + 16 * 519_168 },
  ...{ refusedPrints: 0, skipped: { ...NONE, not_due: 34 } },
  ...{ processCpuMs: 600, recordCpuMs: 60, allInferred: 104, sessionBusyMs: 620 },
};
const STATUS: CameraStatus = {
  ...{ camera: 'gate', state: 'live', since: '2026-01-01T00:00:00.000Z', fps: 25, codec: 'h264' },
  ...{ decoder: 'avdec_h264', decoder_fallback: null, skipped_frames: 0, frame_size: [1920, 1080] },
  ...{ reconnects_1h: 0, last_error: null, next_attempt: null },
};
const FACTS: CameraFacts = {
  ...{ status: STATUS, wantedFps: 8, isPaused: false, model: 'm', provider: 'cpu' },
  ...{ sessions: 2, batch: 1 },
};

test('rates, copies and shares are those of the time between the looks', () => {
  const told = explainCamera(BEFORE, AFTER, FACTS);
  expect(told.decode).toMatchObject({ fps: 25, cpu_percent: 10 });
  expect(told.schedule).toMatchObject({
    inferred_fps: 8,
    skipped_per_s: { not_due: 17, still: 0 },
  });
  expect(told.copies).toEqual({
    ...{ bytes_per_inferred_frame: 519_168, share_of_frame: 0.17 },
    by_stage: { decode: 0, batch: 519_168 },
  });
  expect(told.inference).toMatchObject({ ms_per_frame: 5, share_percent: 2, busy_percent: 3 });
  expect(told.bottleneck).toBe('none: every wanted frame is inferred');
});

test.each([
  ['source: the camera is stalled', {}, { status: { ...STATUS, state: 'stalled' } }],
  ['source: 3 frames/s come, 8 are wanted', { decoded: 106, inferred: 56 }, {}],
  ['camera process: frames are gone', { inferred: 56, refusedPrints: 10 }, {}],
  ['inference: the sessions are', { inferred: 56, skipped: { ...NONE, overload: 10 } }, {}],
  ['none: little moves', { inferred: 52, skipped: { ...NONE, still: 14 } }, {}],
  ['none: analysis is switched off', { inferred: 50 }, { isPaused: true }],
] as const)('%s', (expected, after, facts) => {
  const told = explainCamera(BEFORE, { ...AFTER, ...after }, { ...FACTS, ...facts } as CameraFacts);
  expect(told.bottleneck).toContain(expected);
});

test('a second stream is told of when there is one', () => {
  const record: RecordStatus = {
    ...{ state: 'live', fps: 15, codec: 'h265', frame_size: [3840, 2160], last_error: null },
  };
  const facts = { ...FACTS, status: { ...STATUS, record } };
  expect(explainCamera(BEFORE, AFTER, facts).record).toEqual({ ...record, cpu_percent: 1 });
  expect(explainCamera(BEFORE, AFTER, FACTS).record).toBeNull();
});

test('what FFmpeg hands over through a pipe counts as copied, analysed or not', () => {
  const status = { ...STATUS, decoder: 'ffmpeg h264' };
  const { copies } = explainCamera(BEFORE, AFTER, { ...FACTS, status });
  const piped = (50 / 16) * 1920 * 1080 * 1.5;
  expect(copies.by_stage).toEqual({ decode: piped, batch: 519_168 });
  expect(copies).toMatchObject({ bytes_per_inferred_frame: piped + 519_168, share_of_frame: 3.29 });
});

test('two looks at the same moment divide by nothing', () => {
  const told = explainCamera(BEFORE, BEFORE, FACTS);
  expect(JSON.stringify(told)).not.toMatch(/null,"share|NaN|Infinity/);
  expect(told.copies.bytes_per_inferred_frame).toBe(0);
});
