// The set of second streams: opened once, asked once, closed when nobody wants them, and told of when their state changes.
import { expect, test } from 'vitest';
import type { CameraState, CameraStatus } from '../../src/contracts/camera.ts';
import { TypedEvents } from '../../src/core/typed-events.ts';
import type { CameraPlan } from '../../src/pipeline/camera-plan.ts';
import type { AccessUnit } from '../../src/pipeline/encoded-pipe.ts';
import { RecordStreams } from '../../src/pipeline/record-streams.ts';
import type { CameraSupervisor } from '../../src/pipeline/supervisor.ts';

/** What is asked of a supervisor, in order, without a process behind it. */
class Asked extends TypedEvents<{
  status: readonly [CameraStatus];
  encoded: readonly [AccessUnit];
  frame: readonly [never];
}> {
  readonly calls: string[] = [];
  state: CameraState = 'connecting';

  wantEncoded(isWanted: boolean): void {
    this.calls.push(`encoded ${isWanted}`);
  }
  start(): void {
    this.calls.push('start');
  }
  async apply(): Promise<void> {
    this.calls.push('apply');
  }
  async stop(): Promise<void> {
    this.calls.push('stop');
  }
  status(): CameraStatus {
    return {
      ...{ camera: 'gate', state: this.state, since: '', fps: 15, codec: 'h265', decoder: 'none' },
      ...{ decoder_fallback: null, skipped_frames: 0, frame_size: [3840, 2160], reconnects_1h: 0 },
      ...{ last_error: null, next_attempt: null },
    };
  }
  enter(state: CameraState): void {
    this.state = state;
    this.emit('status', this.status());
  }
}

test('a stream is asked for its units once, and told of when it comes and goes', async () => {
  const asked = new Asked();
  const told: string[] = [];
  const streams = new RecordStreams({
    createSupervisor: () => asked as unknown as CameraSupervisor,
    onUnit: (camera) => told.push(`unit ${camera}`),
    onChange: (camera) => told.push(`change ${camera} ${streams.status(camera)?.state}`),
    onSessionEnd: (camera) => told.push(`end ${camera}`),
  });
  const plan = { camera: 'gate' } as CameraPlan;
  expect(streams.status('gate')).toBeUndefined();
  for (let i = 0; i < 3; i++) await streams.apply('gate', plan);
  expect(asked.calls).toEqual(['encoded true', 'start', 'apply', 'apply']);
  for (const state of ['live', 'live', 'stalled'] as const) asked.enter(state);
  asked.emit('encoded', {} as AccessUnit);
  expect(told).toEqual(['change gate live', 'end gate', 'change gate stalled', 'unit gate']);
  expect(streams.status('gate')).toEqual({
    ...{ state: 'stalled', fps: 15, codec: 'h265', frame_size: [3840, 2160], last_error: null },
  });
  await streams.apply('gate', undefined);
  expect(asked.calls.at(-1)).toBe('stop');
  expect(streams.status('gate')).toBeUndefined();
});
