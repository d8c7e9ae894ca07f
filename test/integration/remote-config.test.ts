// Configuration pushed over a real broker: applied to the cameras that change, refused with reasons, kept over a restart.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RtspServer, startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { CommandResponse } from '../../src/contracts/command.ts';
import { type Heard, Mosquitto, until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';
import { Daemon } from './daemon-harness.ts';

const FPS = 10;

describe.skipIf(needsShared('remote configuration'))('remote configuration', () => {
  let server: RtspServer;
  let broker: Mosquitto;
  let daemon: Daemon;
  let heard: Heard[];
  let transactions = 0;

  beforeAll(async () => {
    broker = await Mosquitto.start();
    heard = await broker.listen('vedette/#');
    server = await startRtspServer({
      mounts: [
        { path: 'one', file: shared('media', 'one-by-one_A_f1-720.mp4') },
        { path: 'two', file: shared('media', 'sub-1504614469486.mp4') },
      ],
    });
    daemon = Daemon.prepare({
      // Also while nobody is in the picture.
      cameras: { one: { url: server.clips[0]!.url, fps: FPS, idle_fps: FPS } },
      mqtt: { url: broker.url, publish_tracks: true },
    });
    daemon.start();
    await until('the first camera is analysed', () => tracks('one').length > 20, 60_000);
  });

  afterAll(async () => {
    await daemon?.dispose();
    await server?.stop();
    await broker?.stop();
  });

  const on = (topic: string) => heard.filter((message) => message.topic === `vedette/box/${topic}`);
  const tracks = (camera: string): { pts_ns: number }[] =>
    on(`cam/${camera}/tracks`).map((message) => JSON.parse(message.payload));
  const state = (camera: string) => {
    const last = on(`cam/${camera}/status`).at(-1)?.payload;
    return last === undefined || last === '' ? undefined : JSON.parse(last).state;
  };

  async function ask(command: string, request: Record<string, unknown>): Promise<CommandResponse> {
    const transaction = `t${++transactions}`;
    broker.send(`vedette/box/cmd/${command}`, JSON.stringify({ ...request, transaction }));
    const answer = () =>
      on(`rsp/${command}`)
        .map((message) => JSON.parse(message.payload) as CommandResponse)
        .find((response) => response.transaction === transaction);
    await until(`${command} is answered`, () => answer() !== undefined);
    return answer()!;
  }

  it('adds a camera; the other one is left alone', async () => {
    const before = tracks('one').length;
    const pids = daemon.cameraPids();
    expect(pids).toHaveLength(1);
    const response = await ask('config/set', {
      config: { cameras: { two: { url: server.clips[1]!.url, fps: 5 } } },
    });
    expect(response).toMatchObject({
      status: 'ok',
      data: { version: 1, applied: ['cameras.two'], restart_required: false },
    });
    await until('the new camera is live', () => state('two') === 'live');
    await until('a while has passed', () => tracks('one').length > before + 30);
    // Frames that a busy machine does not analyse are no loss of this change; a process or a session that began anew would be.
    expect(daemon.cameraPids()).toEqual(expect.arrayContaining(pids));
    const statuses = on('cam/one/status').map((message) => JSON.parse(message.payload));
    const sinceLive = statuses.slice(statuses.findIndex((status) => status.state === 'live'));
    expect(new Set(sinceLive.map(({ state, since }) => `${state} ${since}`)).size).toBe(1);
    const times = tracks('one').map((record) => record.pts_ns);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const status = JSON.parse(on('cam/one/status').at(-1)!.payload);
    expect(status.reconnects_1h).toBe(0);
  });

  it('refuses a wrong document with the messages of `vedette check`', async () => {
    const response = await ask('config/set', {
      config: { cameras: { two: { fpss: 3 } }, mqtt: { url: 7 } },
    });
    expect(response.status).toBe('error');
    expect(response.error).toMatch(/cameras\.two\.fpss/);
    expect(response.error).toMatch(/did you mean .fps.\?/);
    expect(response.error).toMatch(/mqtt\.url/);
    expect(state('two')).toBe('live');
  });

  it('refuses a change made against another configuration', async () => {
    const response = await ask('config/set', {
      expected_hash: 'f'.repeat(64),
      config: { cameras: { two: { fps: 2 } } },
    });
    expect(response.status).toBe('error');
    expect(response.error).toContain('changed meanwhile');
  });

  it('shows the configuration without secrets', async () => {
    await ask('config/set', { config: { cameras: { two: { username: 'u', password: 'pa55' } } } });
    const response = await ask('config/get', {});
    expect(JSON.stringify(response)).not.toContain('pa55');
    expect(response.data).toMatchObject({ origin: 'pushed', version: 2 });
  });

  it('keeps the last good one over a restart, and goes back', async () => {
    await daemon.end('SIGKILL');
    const restarted = heard.length;
    daemon.start();
    const since = (topic: string) =>
      heard.slice(restarted).filter((message) => message.topic === `vedette/box/${topic}`);
    await until(
      'the pushed camera comes again',
      () => since('cam/two/status').some((message) => message.payload.includes('"live"')),
      60_000,
    );
    expect(JSON.parse(since('info').at(-1)!.payload).config).toMatchObject({ version: 2 });
    const back = await ask('config/rollback', {});
    expect(back).toMatchObject({ status: 'ok', data: { version: 3 } });
  });

  it('changes how often a running camera is analysed, and goes on knowing how often it decodes', async () => {
    const status = () => JSON.parse(on('cam/two/status').at(-1)!.payload);
    await until('the camera is live', () => state('two') === 'live');
    const before = status();
    const camera = { fps: 2, idle_fps: 2 };
    expect(await ask('config/set', { config: { cameras: { two: camera } } })).toMatchObject({
      data: { applied: ['cameras.two.fps', 'cameras.two.idle_fps'] },
    });
    const since = tracks('two').length;
    await until('some frames were analysed', () => tracks('two').length > since + 6);
    const times = tracks('two')
      .slice(since + 2)
      .map((record) => record.pts_ns / 1e6);
    for (const [i, ms] of times.slice(1).entries()) expect(ms - times[i]!).toBeGreaterThan(350);
    const told = on('cam/two/status').length;
    const isKnown = () => on('cam/two/status').length > told && status().fps > 8;
    await until('a status tells how often it decodes', isKnown);
    expect(status()).toMatchObject({ state: 'live', since: before.since });
  });

  it('switches a camera off and on', async () => {
    broker.send('vedette/box/cam/one/set/enabled', 'OFF');
    await until('it is disabled', () => state('one') === 'disabled');
    await until(
      'the state is retained',
      () => on('cam/one/state/enabled').at(-1)?.payload === 'OFF',
    );
    broker.send('vedette/box/cam/one/set/enabled', 'ON');
    await until('it is live again', () => state('one') === 'live');
  });

  it('removes a camera and its retained topics', async () => {
    const response = await ask('config/set', { config: { cameras: { two: null } } });
    expect(response).toMatchObject({ status: 'ok', data: { applied: ['cameras.two'] } });
    await until('its status is cleared', () => on('cam/two/status').at(-1)!.payload === '');
    expect(daemon.cameraPids()).toHaveLength(1);
  });

  it('answers with a picture of now', async () => {
    const response = await ask('snapshot', { camera: 'one' });
    expect(response.status).toBe('ok');
    const jpeg = Buffer.from(String(response.data.jpeg_base64), 'base64');
    expect(jpeg.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]));
    const refused = await ask('snapshot', { camera: 'nowhere' });
    expect(refused.error).toContain('one of one');
  });

  it('restarts on demand', async () => {
    const gone = until('the daemon ended', () => !daemon.isRunning);
    expect((await ask('restart', {})).status).toBe('ok');
    await gone;
  });
});
