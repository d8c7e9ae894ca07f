// Cameras that run before anybody listens: what they show then is not wanted, and told of when somebody does.
import { openSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { requireValid } from '../../src/config/load.ts';
import type { CameraConfig } from '../../src/config/schema/config.ts';
import { validate } from '../../src/config/validate.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { isLive } from '../../src/pipeline/camera-plan.ts';
import { CameraStreams } from '../../src/pipeline/camera-streams.ts';

const entry = path.resolve(import.meta.dirname, '../fakes/camera-child.ts');
let streams: CameraStreams | undefined;

afterEach(() => streams?.stop());

function cameraConfig(url: string): CameraConfig {
  const text = `cameras: { yard: { url: ${url} } }`;
  const { config } = requireValid(validate(text, { name: 'test', environment: {} }), 'test');
  return config.cameras.yard!;
}

function open(): CameraStreams {
  streams = new CameraStreams({
    ...{ arena: { fd: openSync('/dev/null', 'r+') }, environment: process.env, entry },
    limits: { arenaBytes: 4096, framesUnderWay: 4, decoders: [] },
    clips: { before_s: 1, after_s: 1, buffer_mb: 1 },
    ...{ clock: systemClock, log: createLog('silent'), deliver: () => {} },
  });
  return streams;
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 6000 && !holds(); tries++)
    await new Promise((r) => setTimeout(r, 10));
  expect(holds()).toBe(true);
}

test('who joins hears at once how cameras are and what they show', async () => {
  const { cameras } = open();
  await streams!.apply('yard', cameraConfig('rtsp://fake/three'), false);
  await until(() => cameras.get('yard')?.counts().frames === 3);
  const told: string[] = [];
  streams!.join({
    frame: ({ sequence }) => {
      told.push(`frame ${sequence}`);
      return true;
    },
    status: ({ state }, was) => told.push(`${was} -> ${state}`),
    sessionEnd: (camera) => told.push(`end ${camera}`),
  });
  expect(told).toEqual(['connecting -> live', 'frame 3']);
  await streams!.remove('yard');
  expect(streams!.newest('yard')).toBeUndefined();
});

test('frames of a session that is over are not told of', async () => {
  open();
  await streams!.apply('yard', cameraConfig('rtsp://fake/steady'), false);
  await until(() => streams!.newest('yard') !== undefined);
  process.kill(streams!.pids('yard').decoded!, 'SIGKILL');
  await until(() => streams!.status('yard')?.state === 'connecting');
  const frames: string[] = [];
  const frame = ({ camera }: { camera: string }) => frames.push(camera) > 0;
  streams!.join({ frame, status: () => {}, sessionEnd: () => {} });
  expect(frames).toEqual([]);
});

test('tells when the first camera opens its source; a process that ended is not waited for', async () => {
  const { cameras } = open();
  await cameras.firstLoaded();
  await streams!.apply('mute', cameraConfig('rtsp://fake/mute'), false);
  const muteOnly = cameras.firstLoaded();
  await streams!.apply('yard', cameraConfig('rtsp://fake/waiting'), false);
  await cameras.firstLoaded();
  const unknown = Symbol();
  expect(await Promise.race([muteOnly, Promise.resolve(unknown)])).toBe(unknown);
  process.kill(streams!.pids('mute').decoded!, 'SIGKILL');
  await muteOnly;
});

test('only what goes on by itself may start before the model', () => {
  const urls = ['rtsp://a/b', 'rtsps://a/b', '/dev/video0', '/clips/a.mp4', 'file:///clips/a.mp4'];
  expect(urls.map((url) => isLive({ url }))).toEqual([true, true, true, false, false]);
});
