// The commands that change a configuration from afar.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChangePlan } from '../../src/config/diff.ts';
import type { Config } from '../../src/config/schema/config.ts';
import { ConfigStore } from '../../src/config/store.ts';
import { isCode } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import { RemoteConfig } from '../../src/remote/config-commands.ts';

const FILE = `# gate
cameras:
  a: rtsp://u:planted@h/a
  b: { url: rtsp://h/b, fps: 5 }
mqtt: { url: mqtt://broker, password: planted }
`;

function startAgent(apply?: (plan: ChangePlan, config: Config) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-remote-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  writeFileSync(file, FILE);
  const log = createLog('silent');
  const store = new ConfigStore({ file, directory: join(folder, 'state'), environment: {}, log });
  const applied: { plan: ChangePlan; config: Config }[] = [];
  const remote = new RemoteConfig({
    store,
    started: store.load(),
    log,
    apply: async (plan, config) => {
      applied.push({ plan, config });
      await apply?.(plan, config);
    },
  });
  return { ...remote.handlers, store, applied };
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(isCode(error, 'COMMAND_REFUSED') || isCode(error, 'CONFIG_INVALID')).toBe(true);
  return (error as Error).message;
}

describe('config/get', () => {
  it('shows the document without its secrets', async () => {
    const answer = await startAgent()['config/get']({});
    expect(JSON.stringify(answer)).not.toContain('planted');
    expect(answer).toMatchObject({
      version: 0,
      origin: 'file',
      restart_required: false,
      config: { cameras: { a: 'rtsp://u:***@h/a' }, mqtt: { password: '***' } },
    });
  });
});

describe('config/set', () => {
  it('changes only what it names and keeps the rest, comments and secrets included', async () => {
    const agent = startAgent();
    const answer = await agent['config/set']({
      config: { cameras: { b: { fps: 9 }, c: '/c' }, mqtt: { password: '***' } },
    });
    expect(answer).toMatchObject({
      version: 1,
      applied: ['cameras.b.fps', 'cameras.c'],
      restart_required: false,
    });
    expect(agent.applied).toHaveLength(1);
    expect(agent.applied[0]?.plan.cameras).toEqual({ added: ['c'], removed: [], changed: [] });
    const { text, config } = agent.store.load();
    expect(text).toContain('# gate');
    expect(config.cameras.a).toMatchObject({ url: 'rtsp://h/a', password: 'planted' });
    expect(config.mqtt?.password).toBe('planted');
  });

  it('says what waits for a restart, also in later answers', async () => {
    const agent = startAgent();
    const first = await agent['config/set']({ config: { device: { name: 'other' } } });
    expect(first).toMatchObject({
      restart_required: true,
      restart_keys: ['device.name'],
      applied: [],
    });
    expect(await agent['config/get']({})).toMatchObject({ restart_required: true });
    const second = await agent['config/set']({ config: { cameras: { b: { fps: 7 } } } });
    expect(second).toMatchObject({ restart_required: true, applied: ['cameras.b.fps'] });
    expect(agent.store.isOnTrial).toBe(true);
    await agent['config/set']({ config: { device: { name: null } } });
    expect(agent.store.isOnTrial).toBe(false);
  });

  it('tries without doing', async () => {
    const agent = startAgent();
    const answer = await agent['config/set']({ config: { cameras: { b: null } }, dry_run: true });
    expect(answer).toMatchObject({ dry_run: true, version: 0, applied: ['cameras.b'] });
    expect(agent.applied).toHaveLength(0);
    expect(agent.store.load().version).toBe(0);
  });

  it('refuses what vedette check refuses, in its words, and changes nothing', async () => {
    const agent = startAgent();
    const message = await refusalOf(
      agent['config/set']({ config: { cameras: { b: { fsp: 9 } } } }),
    );
    expect(message).toMatch(
      /pushed\.yaml:\d+:\d+ {2}cameras\.b\.fsp {2}unknown key; did you mean "fps"\?/,
    );
    expect(agent.applied).toHaveLength(0);
    expect(agent.store.load().version).toBe(0);
  });

  it('refuses a change made against something else', async () => {
    const agent = startAgent();
    const { hash } = await agent['config/get']({});
    const change = (fps: number) =>
      agent['config/set']({ config: { cameras: { b: { fps } } }, expected_hash: hash });
    await change(6);
    expect(await refusalOf(change(7))).toContain('changed meanwhile');
  });

  it.each([[undefined], [5], ['x'], [['a']], [null]])('refuses a body of %j', async (config) => {
    expect(await refusalOf(startAgent()['config/set']({ config }))).toContain('must be a block');
  });

  it('refuses more than 256 KiB', async () => {
    const config = { device: { name: 'x'.repeat(300_000) } };
    expect(await refusalOf(startAgent()['config/set']({ config }))).toContain('too many');
  });
});

describe('config/replace', () => {
  it('takes YAML with its comments, or JSON, and puts hidden secrets back', async () => {
    const agent = startAgent();
    const { config } = await agent['config/get']({});
    const same = await agent['config/replace']({ config });
    expect(same).toMatchObject({ applied: [], restart_required: false });
    await agent['config/replace']({ yaml: '# mine\ncameras: { a: "rtsp://u:***@h/a" }\n' });
    const { text, config: loaded } = agent.store.load();
    expect(text).toContain('# mine');
    expect(loaded.cameras.a?.password).toBe('planted');
  });

  it.each([[{}], [{ yaml: 5 }], [{ yaml: 'a: b', config: {} }]])('refuses %j', async (request) => {
    await refusalOf(startAgent()['config/replace'](request));
  });
});

describe('config/rollback', () => {
  it('goes back to the file, and forth again', async () => {
    const agent = startAgent();
    expect(await refusalOf(agent['config/rollback']({}))).toContain('nothing to go back to');
    await agent['config/set']({ config: { cameras: { b: { fps: 9 } } } });
    expect(await agent['config/rollback']({})).toMatchObject({ version: 2 });
    expect(agent.store.load().config.cameras.b?.fps).toBe(5);
    await agent['config/rollback']({});
    expect(agent.store.load()).toMatchObject({ version: 3 });
    expect(agent.store.load().config.cameras.b?.fps).toBe(9);
  });
});

describe('a configuration that cannot be applied', () => {
  it('is taken back, told, and gone after a restart', async () => {
    const agent = startAgent(async (_, config) => {
      if (config.cameras.b?.fps === 9) throw new Error('camera b does not start');
    });
    const message = await refusalOf(
      agent['config/set']({ config: { cameras: { b: { fps: 9 } } } }),
    );
    expect(message).toBe('camera b does not start; version 0 is in force again');
    expect(agent.applied.map(({ config }) => config.cameras.b?.fps)).toEqual([9, 5]);
    expect(agent.store.load()).toMatchObject({ version: 0, text: FILE });
    expect(await agent['config/set']({ config: { cameras: { b: { fps: 8 } } } })).toMatchObject({
      version: 1,
    });
  });

  it('is reported also when going back fails', async () => {
    const agent = startAgent(async () => {
      throw new Error('no');
    });
    const message = await refusalOf(
      agent['config/set']({ config: { cameras: { b: { fps: 9 } } } }),
    );
    expect(message).toBe('no; going back failed too: no');
  });
});

it('handles one request at a time, in order', async () => {
  const order: number[] = [];
  const agent = startAgent(async (_, config) => {
    const fps = config.cameras.b?.fps ?? 0;
    order.push(fps);
    await new Promise((resolve) => setTimeout(resolve, fps === 6 ? 20 : 0));
    order.push(fps);
  });
  const set = (fps: number) => agent['config/set']({ config: { cameras: { b: { fps } } } });
  const answers = await Promise.all([set(6), set(7)]);
  expect(order).toEqual([6, 6, 7, 7]);
  expect(answers.map(({ version }) => version)).toEqual([1, 2]);
});
