// `vedette explain` of a real agent without a broker: a camera that runs, one that cannot be reached, and no agent at all.
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RtspServer, startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { CameraExplanation } from '../../src/pipeline/explain.ts';
import { until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';
import { Daemon } from './daemon-harness.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

describe.skipIf(needsShared('explain'))('explain', () => {
  let server: RtspServer;
  let daemon: Daemon;

  beforeAll(async () => {
    server = await startRtspServer({
      mounts: [{ path: 'one', file: shared('media', 'one-by-one_A_f1-720.mp4') }],
    });
    daemon = Daemon.prepare({
      cameras: {
        door: { url: server.clips[0]!.url, fps: 5, idle_fps: 5 },
        gone: 'rtsp://user:hush-hush@127.0.0.1:9/stream',
      },
    });
    daemon.start();
    const isLive = () => daemon.said('camera state', { camera: 'door', state: 'live' }).length > 0;
    await until('the camera is live', () => isLive() && daemon.takesCommands, 60_000);
  });

  afterAll(async () => {
    await daemon?.dispose();
    await server?.stop();
  });

  function explain(...args: string[]) {
    const config = ['--config', join(daemon.dir, 'config.yaml')];
    const command = ['--import', 'tsx', MAIN, 'explain', ...args, ...config];
    return spawnSync(process.execPath, command, { encoding: 'utf8' });
  }

  function explainDoor(): CameraExplanation | undefined {
    const { stdout, status } = explain('door', '--json');
    expect(status).toBe(0);
    return (JSON.parse(stdout) as CameraExplanation[])[0];
  }

  it('says what runs and what it costs', async () => {
    let door = explainDoor();
    // Of two seconds each; in some of them this machine may have been busy otherwise.
    const isUnhindered = () => {
      if (door?.bottleneck.startsWith('none') !== true) door = explainDoor();
      return door?.bottleneck.startsWith('none') === true;
    };
    await until('nothing else holds the camera back', isUnhindered, 90_000);
    expect(door).toMatchObject({ camera: 'door', state: 'live', last_error: null });
    expect(door!.decode).toMatchObject({ codec: 'h264', frame_size: [768, 432] });
    expect(door!.decode.fps).toBeGreaterThan(8);
    expect(door!.decode.cpu_percent).toBeGreaterThan(0);
    expect(door!.schedule.inferred_fps).toBeGreaterThan(4);
    // The tensor of YOLOX-nano, 416x416 in 3 planes of 4 bytes, and nothing else.
    expect(door!.copies.bytes_per_inferred_frame).toBe(416 * 416 * 12);
    expect(door!.inference.ms_per_frame).toBeGreaterThan(1);
    expect(door!.bottleneck).toBe('none: every wanted frame is inferred');
  });

  it('says of every camera, in words, why one does not run and when it is tried again', () => {
    const { stdout, status } = explain();
    expect(status).toBe(0);
    expect(stdout).toMatch(/^door\n {2}state {10}live since/m);
    expect(stdout).toMatch(/^gone\n {2}state {10}(connecting|stalled)/m);
    expect(stdout).toMatch(/bottleneck {5}source: the camera is/);
    expect(stdout).not.toContain('hush-hush');
  });

  it('refuses cameras that are not there, and says when no agent runs', async () => {
    const unknown = explain('dor');
    expect(unknown.status).toBe(65);
    expect(unknown.stderr).toContain('must be one of door, gone');
    await daemon.end();
    const nobody = explain();
    expect(nobody.status).toBe(69);
    expect(nobody.stderr).toContain('control.sock');
  });
});
