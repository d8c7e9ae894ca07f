// A pushed configuration that passes every check and still does not start is taken back without anybody's help.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CommandResponse } from '../../src/contracts/command.ts';
import { type Heard, Mosquitto, until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';
import { Daemon } from './daemon-harness.ts';

describe.skipIf(needsShared('configuration on trial'))('a configuration on trial', () => {
  let broker: Mosquitto;
  let daemon: Daemon;
  let heard: Heard[];

  beforeAll(async () => {
    broker = await Mosquitto.start();
    heard = await broker.listen('vedette/box/rsp/#');
    daemon = Daemon.prepare({
      cameras: { clip: { url: shared('media', 'bottle-detection.mp4'), fps: 1 } },
      mqtt: { url: broker.url },
    });
    daemon.start();
    await until('it runs', () => daemon.said('vedette starts').length === 1, 60_000);
  });

  afterAll(async () => {
    await daemon?.dispose();
    await broker?.stop();
  });

  async function push(config: Record<string, unknown>): Promise<CommandResponse> {
    const before = heard.length;
    await until(
      'it answers',
      () => {
        if (heard.length === before)
          broker.send('vedette/box/cmd/config/set', JSON.stringify({ config }));
        return heard.length > before;
      },
      60_000,
    );
    return JSON.parse(heard.at(-1)!.payload);
  }

  async function ended(): Promise<number | string> {
    await until('it ended', () => !daemon.isRunning, 60_000);
    return (await daemon.end()).status;
  }

  it('is tried twice, then the one before runs', async () => {
    const { data, error } = await push({ runtime: { library: '/nonexistent/libonnxruntime.so' } });
    expect(error).toBeUndefined();
    expect(data).toMatchObject({ restart_required: true, restart_keys: ['runtime.library'] });
    await daemon.end('SIGTERM');
    for (let start = 0; start < 2; start++) {
      daemon.start();
      expect(await ended()).toBe(75);
    }
    expect(daemon.said('no start with the pushed configuration')).toHaveLength(2);
    daemon.start();
    await until('the old one runs', () => daemon.said('vedette starts').length === 4, 60_000);
    expect(daemon.said('pushed configuration put aside: no start succeeded')).toHaveLength(1);
    expect(daemon.said('vedette starts').at(-1)).toMatchObject({ config: { origin: 'file' } });
    expect(await push({ log: { level: 'debug' } })).toMatchObject({
      status: 'ok',
      data: { restart_required: false },
    });
  });
});
