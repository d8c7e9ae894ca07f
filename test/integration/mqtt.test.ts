// The broker connection and the MQTT sink against a real Mosquitto that is stopped, killed, frozen and refuses.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventRecord } from '../../src/contracts/event.ts';
import { systemClock } from '../../src/core/clock.ts';
import { AgentError } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import { startBroker } from '../../src/mqtt/built-in-broker.ts';
import type { MqttConfig } from '../../src/mqtt/client-options.ts';
import { MqttConnection } from '../../src/mqtt/connection.ts';
import { HomeAssistant } from '../../src/mqtt/home-assistant.ts';
import { MqttSink } from '../../src/sinks/mqtt.ts';
import { Outbox } from '../../src/sinks/outbox.ts';
import type { OutboxReader } from '../../src/sinks/outbox-reader.ts';
import { Store } from '../../src/sinks/store.ts';
import { trackAt } from '../analytics/scene-fixture.ts';
import { frameOf } from '../fakes/frames.ts';
import {
  freePort,
  type Heard,
  hasMosquitto,
  Mosquitto,
  type MosquittoOptions,
  pause,
  until,
} from '../mqtt/mosquitto.ts';
import { eventRecord, statusOf } from '../sinks/records.ts';

const log = createLog('silent');
const BASE = 'vedette/gate-2';

interface Agent {
  readonly connection: MqttConnection;
  readonly sink: MqttSink;
  readonly outbox: Outbox;
  readonly store: Store;
}

describe.skipIf(!hasMosquitto)('with Mosquitto', () => {
  let folder: string;
  let broker: Mosquitto;
  const cleanup: (() => Promise<void>)[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vedette-mqtt-'));
  });

  afterEach(async () => {
    for (const clean of cleanup.splice(0).reverse()) await clean();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
    broker = await Mosquitto.start(options);
    cleanup.push(() => broker.stop());
    return broker;
  }

  function connectionTo(
    config: Partial<MqttConfig> & { url: string },
    ackTimeoutMs = 10_000,
    logTo = log,
  ): MqttConnection {
    const connection = new MqttConnection({
      config: { prefix: 'vedette', ...config },
      device: 'gate-2',
      clock: systemClock,
      log: logTo,
      backoff: { firstMs: 50, maxMs: 300 },
      ackTimeoutMs,
    });
    cleanup.push(() => connection.stop());
    return connection;
  }

  async function agentAt(
    config: Partial<MqttConfig> & { url: string },
    ackTimeoutMs = 10_000,
  ): Promise<Agent> {
    const connection = connectionTo(config, ackTimeoutMs);
    const store = new Store();
    const outbox = new Outbox({
      path: join(folder, 'outbox.db'),
      readers: ['mqtt'],
      file: store.outbox,
      clock: systemClock,
      log,
    });
    const reader = outbox.reader('mqtt');
    const sink = new MqttSink({ connection, reader, clock: systemClock, log, publishTracks: true });
    await outbox.open();
    await sink.open();
    await connection.start();
    cleanup.push(async () => {
      await sink.close();
      await outbox.close();
      await store.close();
    });
    return { connection, sink, outbox, store };
  }

  function write({ outbox, sink }: Agent, ...records: Parameters<MqttSink['write']>[0]): void {
    outbox.write(records);
    sink.write(records);
  }

  function eventsIn(heard: readonly Heard[]): EventRecord[] {
    return heard
      .filter(({ topic }) => topic.endsWith('/event'))
      .map(({ payload }) => JSON.parse(payload) as EventRecord);
  }

  function lastOf(heard: readonly Heard[], topic: string): string | undefined {
    return heard.findLast((message) => message.topic === `${BASE}/${topic}`)?.payload;
  }

  test('tracks tell who is confirmed, lost, or sure at once', async () => {
    await startMosquitto();
    const heard = await broker.listen(`${BASE}/cam/front/tracks`);
    const agent = await agentAt({ url: broker.url });
    await until('up', () => agent.connection.isUp);
    const one = trackAt(0.5, 0.5, { id: 'a', box: [0.1, 0.2, 0.3, 0.4] });
    const tracks = [
      one,
      { ...one, id: 'b', trackId: 2, phase: 'lost' as const },
      { ...one, id: 'c', trackId: 0, phase: 'tentative' as const, isSure: true },
      { ...one, id: 'd', trackId: 0, phase: 'tentative' as const, isSure: false },
    ];
    write(agent, { kind: 'tracks', tracks: { frame: frameOf('front', 1), tracks, ended: [] } });
    await until('tracks', () => heard.length === 1);
    const told = JSON.parse(heard[0]!.payload).tracks;
    expect(told).toMatchObject([
      { object_id: 'a', track_id: 1, phase: 'confirmed', box: [0.1, 0.2, 0.3, 0.4] },
      { object_id: 'b', track_id: 2, phase: 'lost' },
      { object_id: 'c', track_id: 0, phase: 'tentative' },
    ]);
    expect(told).toHaveLength(3);
  });

  test('a newcomer finds the state retained, `online` last, and events only live', async () => {
    await startMosquitto({ user: { name: 'cam', password: 's3cret' } });
    const early = await broker.listen(`${BASE}/#`);
    const agent = await agentAt({ url: broker.url, username: 'cam', password: 's3cret' });
    write(agent, { kind: 'camera', status: statusOf('front') });
    write(agent, { kind: 'count', camera: 'front', counts: { person: 2, 'N/A': 0 } });
    await until('online', () => lastOf(early, 'status') === 'online');
    write(agent, eventRecord(1));
    await until('event', () => eventsIn(early).length === 1);

    const late = await broker.listen(`${BASE}/#`);
    expect(late.every(({ isRetained }) => isRetained)).toBe(true);
    expect(lastOf(late, 'status')).toBe('online');
    expect(JSON.parse(lastOf(late, 'cam/front/status') ?? '')).toEqual(statusOf('front'));
    expect(lastOf(late, 'cam/front/count/person')).toBe('2');
    expect(lastOf(late, 'cam/front/count/N_A')).toBe('0');
    expect(eventsIn(late)).toEqual([]);
    const order = early.map(({ topic }) => topic);
    expect(order.indexOf(`${BASE}/cam/front/status`)).toBeLessThan(order.indexOf(`${BASE}/status`));
  });

  test('a clean stop says offline itself, once', async () => {
    await startMosquitto();
    const heard = await broker.listen(`${BASE}/status`);
    const agent = await agentAt({ url: broker.url });
    await until('online', () => lastOf(heard, 'status') === 'online');
    await agent.connection.stop();
    await until('offline', () => lastOf(heard, 'status') === 'offline');
    await pause(300);
    expect(heard.map(({ payload }) => payload)).toEqual(['online', 'offline']);
  });

  test('the last will says offline when the agent is killed', async () => {
    await startMosquitto();
    const heard = await broker.listen(`${BASE}/status`);
    const script = `
      import { MqttConnection } from '${join(process.cwd(), 'src/mqtt/connection.ts')}';
      import { systemClock } from '${join(process.cwd(), 'src/core/clock.ts')}';
      import { createLog } from '${join(process.cwd(), 'src/core/log.ts')}';
      const connection = new MqttConnection({ config: { url: '${broker.url}', prefix: 'vedette' }, device: 'gate-2', clock: systemClock, log: createLog('silent') });
      connection.events.on('up', () => process.kill(process.pid, 'SIGKILL'));
      await connection.start();`;
    try {
      execFileSync('node', ['--import', 'tsx', '--input-type=module', '-e', script], {
        stdio: 'ignore',
      });
    } catch {
      // It kills itself.
    }
    await until('offline', () => lastOf(heard, 'status') === 'offline');
    expect(heard.map(({ payload }) => payload)).toEqual(['online', 'offline']);
    const late = await broker.listen(`${BASE}/status`);
    expect(lastOf(late, 'status')).toBe('offline');
  });

  test('starts without a broker; what happened meanwhile arrives in order, marked as replayed', async () => {
    await startMosquitto();
    await broker.down();
    const agent = await agentAt({ url: broker.url });
    for (let seq = 1; seq <= 500; seq++) write(agent, eventRecord(seq));
    write(agent, { kind: 'count', camera: 'front', counts: { person: 1 } });
    write(agent, { kind: 'count', camera: 'front', counts: { person: 3 } });
    await pause(400);
    expect(agent.sink.health()).toMatchObject({ state: 'down', backlog: 500, delivered: 0 });
    await broker.up();
    const heard = await broker.listen(`${BASE}/#`);
    await until('all delivered', () => agent.sink.health().backlog === 0);
    write(agent, eventRecord(501));
    await until('live event', () => eventsIn(heard).some(({ seq }) => seq === 501));
    const events = eventsIn(heard);
    const unique = [...new Map(events.map((event) => [event.id, event])).values()];
    expect(events.find(({ seq }) => seq === 501)?.replayed).toBe(false);
    expect(unique.filter(({ seq }) => seq < 501).every(({ replayed }) => replayed)).toBe(true);
    expect(lastOf(heard, 'cam/front/count/person')).toBe('3');
    expect(agent.sink.health()).toMatchObject({
      state: 'ok',
      backlog: 0,
      delivered: 501,
      dropped: 0,
    });
  });

  test('over restarts of the broker a subscriber with a session misses no event', async () => {
    await startMosquitto({ lines: ['persistence true', 'persistence_location {dir}/'] });
    const heard = await broker.listen(`${BASE}/cam/+/event`, 'witness');
    const agent = await agentAt({ url: broker.url });
    let seq = 0;
    const burst = () => {
      for (let i = 0; i < 50; i++) write(agent, eventRecord(++seq));
    };
    for (let round = 0; round < 5; round++) {
      burst();
      await pause(round * 10);
      await broker.down('SIGTERM');
      burst();
      await pause(100);
      await broker.up();
    }
    await until('all delivered', () => agent.sink.health().backlog === 0);
    await until('all heard', () => new Set(eventsIn(heard).map(({ id }) => id)).size === seq);
    expect(agent.sink.health()).toMatchObject({ delivered: seq, dropped: 0, backlog: 0 });
  });

  test('a killed broker that forgot everything gets the state again', async () => {
    await startMosquitto();
    const agent = await agentAt({ url: broker.url });
    write(agent, { kind: 'camera', status: statusOf('front') });
    await until('up', () => agent.connection.isUp);
    await broker.down();
    await until('noticed', () => !agent.connection.isUp);
    await broker.up();
    await until('up again', () => agent.connection.isUp);
    const heard = await broker.listen(`${BASE}/#`);
    expect(heard.every(({ isRetained }) => isRetained)).toBe(true);
    expect(lastOf(heard, 'status')).toBe('online');
    expect(JSON.parse(lastOf(heard, 'cam/front/status') ?? '{}').state).toBe('live');
  });

  test('a frozen broker counts as gone; nothing is lost when it thaws', async () => {
    await startMosquitto();
    const heard = await broker.listen(`${BASE}/#`);
    const agent = await agentAt({ url: broker.url }, 1000);
    await until('online', () => lastOf(heard, 'status') === 'online');
    broker.signal('SIGSTOP');
    write(agent, eventRecord(1));
    await until('noticed', () => !agent.connection.isUp);
    write(agent, eventRecord(2));
    broker.signal('SIGCONT');
    await until('delivered', () => agent.sink.health().backlog === 0);
    await until('heard', () => new Set(eventsIn(heard).map(({ id }) => id)).size === 2);
    expect(agent.sink.health()).toMatchObject({ delivered: 2, dropped: 0 });
  });

  test('a message whose refusal breaks the connection is given up; those behind it arrive', async () => {
    // Mosquitto answers larger ones with a reason that PUBACK does not have; mqtt.js then closes.
    await startMosquitto({ lines: ['message_size_limit 2000'] });
    const heard = await broker.listen(`${BASE}/cam/+/event`);
    const agent = await agentAt({ url: broker.url });
    await until('up', () => agent.connection.isUp);
    write(
      agent,
      eventRecord(1),
      eventRecord(2, { data: { note: 'x'.repeat(4000) } }),
      eventRecord(3),
    );
    await until('the others', () => new Set(eventsIn(heard).map(({ seq }) => seq)).size === 2);
    await until('settled', () => agent.sink.health().backlog === 0);
    expect(eventsIn(heard).map(({ seq }) => seq)).not.toContain(2);
    expect(agent.sink.health()).toMatchObject({ delivered: 2, dropped: 1 });
  });

  test('a packet over the announced maximum is refused here, without losing the connection', async () => {
    await startMosquitto({ lines: ['max_packet_size 3000'] });
    const agent = await agentAt({ url: broker.url });
    await until('up', () => agent.connection.isUp);
    write(agent, eventRecord(1, { data: { note: 'x'.repeat(4000) } }), eventRecord(2));
    write(agent, {
      kind: 'still',
      still: {
        camera: 'front',
        label: 'person',
        object_id: 'x',
        path: 'front/a.jpg',
        ts: '',
        jpeg: new Uint8Array(50_000),
      },
    });
    await until('settled', () => agent.sink.health().backlog === 0);
    expect(agent.sink.health()).toMatchObject({ delivered: 1, dropped: 2 });
    await pause(300);
    expect(agent.connection.snapshot).toMatchObject({ connected: true, connects: 1 });
  });

  test('an event the access list forbids is rejected, others flow', async () => {
    await startMosquitto({
      user: { name: 'cam', password: 'p' },
      lines: ['acl_file {dir}/acl'],
      prepare: (dir) =>
        execFileSync('sh', [
          '-c',
          `printf 'user cam\\ntopic readwrite vedette/gate-2/status\\ntopic read vedette/gate-2/cmd/#\\ntopic write vedette/gate-2/cam/front/#\\n' > ${dir}/acl`,
        ]),
    });
    const agent = await agentAt({ url: broker.url, username: 'cam', password: 'p' });
    write(agent, eventRecord(1, { camera: 'back' }), eventRecord(2));
    await until('settled', () => agent.sink.health().backlog === 0);
    expect(agent.sink.health()).toMatchObject({ delivered: 1, dropped: 1, state: 'ok' });
  });

  test('a wrong password: the agent runs on and says why', async () => {
    await startMosquitto({ user: { name: 'cam', password: 'right' } });
    const agent = await agentAt({ url: broker.url, username: 'cam', password: 'wrong' });
    await until('refused', () => agent.connection.snapshot.lastError !== null);
    expect(agent.connection.snapshot.lastError).toMatch(/not authori[sz]ed/i);
    expect(agent.sink.health().state).toBe('down');
  });

  test('two agents with one client id: the log asks about it', async () => {
    await startMosquitto();
    const lines: string[] = [];
    const sink = { write: (line: string) => lines.push(line) } as unknown as NodeJS.WritableStream;
    for (let i = 0; i < 2; i++)
      await connectionTo({ url: broker.url }, 10_000, createLog('info', sink)).start();
    await until('hint', () => lines.some((line) => line.includes('connect as vedette-gate-2?')));
  });

  test('every request is answered with its transaction', async () => {
    await startMosquitto();
    const heard = await broker.listen(`${BASE}/rsp/#`);
    const connection = connectionTo({ url: broker.url });
    connection.onCommand('config/get', async (request) => ({ asked: request.section }));
    connection.onCommand('config/set', async () => {
      throw new AgentError('COMMAND_REFUSED', { cause: 'no camera "side"' });
    });
    connection.onCommand('restart', async () => {
      throw new Error('secret detail');
    });
    await connection.start();
    await until('up', () => connection.isUp);
    const ask = (command: string, payload: string, ...more: string[]) =>
      broker.send(`${BASE}/cmd/${command}`, payload, ...more);
    ask('config/get', '{"transaction":"t1","section":"cameras"}');
    ask('config/set', '{"transaction":"t2"}');
    ask('config/get', '{"transaction":');
    ask('config/get', '[1]');
    ask('nonsense', '{"transaction":"t5"}');
    ask('restart', '{"transaction":"t6"}');
    await until('six answers', () => heard.length === 6);
    const answers = heard.map(({ topic, payload }) => [
      topic.slice(BASE.length),
      JSON.parse(payload),
    ]);
    const find = (transaction: string) =>
      answers.find(([, answer]) => answer.transaction === transaction)?.[1];
    expect(find('t1')).toEqual({ status: 'ok', data: { asked: 'cameras' }, transaction: 't1' });
    expect(find('t2')).toMatchObject({
      status: 'error',
      data: {},
      error: expect.stringContaining('side'),
    });
    expect(find('t5')?.error).toContain('config/get, config/set, restart');
    expect(find('t6')?.error).not.toContain('secret detail');
    const malformed = answers.filter(
      ([topic, answer]) => topic === '/rsp/config/get' && answer.status === 'error',
    );
    expect(malformed.map(([, answer]) => answer.error)).toEqual([
      expect.stringContaining('not JSON'),
      expect.stringContaining('JSON object'),
    ]);
  });

  test('a retained request is refused, not run again at every reconnect', async () => {
    await startMosquitto();
    broker.send(`${BASE}/cmd/restart`, '{"transaction":"old"}', '-r');
    const heard = await broker.listen(`${BASE}/rsp/#`);
    const connection = connectionTo({ url: broker.url });
    let restarts = 0;
    connection.onCommand('restart', async () => {
      restarts += 1;
      return {};
    });
    await connection.start();
    await until('answer', () => heard.length === 1);
    expect(JSON.parse(heard[0]!.payload)).toMatchObject({ status: 'error', transaction: 'old' });
    expect(restarts).toBe(0);
  });

  test('switches reach the handler; nonsense does not', async () => {
    await startMosquitto();
    const connection = connectionTo({ url: broker.url });
    const calls: unknown[] = [];
    connection.onSet(async (...call) => {
      calls.push(call);
    });
    await connection.start();
    await until('up', () => connection.isUp);
    broker.send(`${BASE}/cam/front/set/detect`, 'perhaps');
    broker.send(`${BASE}/cam/front/set/detect`, 'OFF');
    broker.send(`${BASE}/cam/front/set/enabled`, 'ON');
    await until('two calls', () => calls.length === 2);
    expect(calls).toEqual([
      ['front', 'detect', false],
      ['front', 'enabled', true],
    ]);
  });

  test('a removed camera leaves nothing retained', async () => {
    await startMosquitto();
    const agent = await agentAt({ url: broker.url });
    for (const camera of ['front', 'back']) {
      write(agent, { kind: 'camera', status: statusOf(camera) });
      write(agent, { kind: 'count', camera, counts: { person: 1 } });
    }
    await until('up', () => agent.connection.isUp);
    agent.connection.forgetCamera('back');
    await pause(200);
    const late = await broker.listen(`${BASE}/cam/#`);
    expect(new Set(late.map(({ topic }) => topic.split('/')[3]))).toEqual(new Set(['front']));
  });

  test('what an earlier run left of a former camera is removed, and then forgotten', async () => {
    await startMosquitto();
    for (const topic of ['cam/old/status', 'cam/old/count/person', 'cam/front/status']) {
      broker.send(`${BASE}/${topic}`, 'x', '-r');
    }
    const connection = connectionTo({ url: broker.url });
    const forgotten: string[] = [];
    const outbox = { notify: () => undefined, newest: 0, take: () => undefined, settledTo: 0 };
    const sink = new MqttSink({
      connection,
      reader: { ...outbox, snapshot: { backlog: 0 } } as unknown as OutboxReader,
      clock: systemClock,
      log,
      publishTracks: false,
      formerCameras: {
        list: async () => [{ camera: 'old', labels: ['person'] }],
        forget: async (cameras) => void forgotten.push(...cameras),
      },
    });
    await sink.open();
    expect(forgotten).toEqual([]);
    await connection.start();
    await until('forgotten', () => forgotten.length === 1);
    const heard = await broker.listen(`${BASE}/cam/#`);
    expect(heard.map(({ topic }) => topic)).toEqual([`${BASE}/cam/front/status`]);
    await sink.close();
  });

  test('Home Assistant: documents retained, removed with their camera, sent again at its birth', async () => {
    await startMosquitto();
    const connection = connectionTo({ url: broker.url });
    const options = {
      prefix: 'homeassistant',
      device: 'gate-2',
      version: '1',
      topics: connection.topics,
    };
    const home = new HomeAssistant(options, connection, systemClock);
    home.announce([
      { id: 'front', labels: ['person'] },
      { id: 'back', labels: [] },
    ]);
    await connection.start();
    await until('up', () => connection.isUp);
    home.announce([{ id: 'front', labels: ['person'] }], ['side']);
    await pause(300);
    const heard = await broker.listen('homeassistant/#');
    expect(heard.map(({ topic }) => topic).sort()).toEqual([
      'homeassistant/device/vedette_gate-2/config',
      'homeassistant/device/vedette_gate-2_front/config',
    ]);
    const before = heard.length;
    broker.send('homeassistant/status', 'online');
    await until('sent again', () => heard.length === before + 3);
    expect(heard.filter(({ topic }) => topic.endsWith('_front/config')).length).toBe(2);
    home.stop();
  });

  test('TLS with a private authority and client certificate; a wrong authority is refused', async () => {
    await startMosquitto({
      lines: ['listener 0 127.0.0.1']
        .slice(1)
        .concat([
          'cafile {dir}/ca.crt',
          'certfile {dir}/server.crt',
          'keyfile {dir}/server.key',
          'require_certificate true',
        ]),
      prepare: makeCertificates,
    });
    const file = (name: string) => join(broker.dir, name);
    const url = `mqtts://localhost:${broker.port}`;
    const good = connectionTo({
      url,
      ca: file('ca.crt'),
      cert: file('client.crt'),
      key: file('client.key'),
    });
    await good.start();
    await until('up', () => good.isUp);
    await good.stop();
    const stranger = connectionTo({
      url,
      ca: file('other.crt'),
      cert: file('client.crt'),
      key: file('client.key'),
    });
    await stranger.start();
    await until('refused', () => stranger.snapshot.lastError !== null);
    expect(stranger.isUp).toBe(false);
    const missing = connectionTo({ url, ca: '/nowhere/ca.crt' });
    await expect(missing.start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

test('the built-in broker serves the same agent, over MQTT 3.1.1', async () => {
  const broker = await startBroker({ log });
  const connection = new MqttConnection({
    config: { url: broker.url, prefix: 'vedette' },
    device: 'gate-2',
    clock: systemClock,
    log,
  });
  await connection.start();
  await until('up', () => connection.isUp);
  connection.retain('cameraCount', { camera: 'front', label: 'person' }, '4');
  expect(await connection.deliver('cameraEvent', { camera: 'front' }, '{}')).toEqual({
    kind: 'done',
  });
  await connection.stop();
  await broker.stop();
  expect(connection.snapshot).toMatchObject({ connects: 1, lastError: null });
});

test('a broker that is away is mentioned once, not at every attempt', async () => {
  const lines: string[] = [];
  const sink = { write: (line: string) => lines.push(line) } as unknown as NodeJS.WritableStream;
  const connection = new MqttConnection({
    config: { url: `mqtt://user:hunter2@127.0.0.1:${await freePort()}`, prefix: 'vedette' },
    device: 'gate-2',
    clock: systemClock,
    log: createLog('info', sink),
    backoff: { firstMs: 5, maxMs: 10 },
  });
  let attempts = 0;
  await connection.start();
  await until('ten attempts', () => {
    attempts = (connection as unknown as { backoff: { attempts: number } }).backoff.attempts;
    return attempts >= 10;
  });
  await connection.stop();
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain('ECONNREFUSED');
  expect(lines[0]).not.toContain('hunter2');
});

test('an event on which a broker hangs up without a word is given up; the others arrive in order', async () => {
  const aedes = await Aedes.createBroker();
  const arrived: number[] = [];
  aedes.authorizePublish = (_client, packet, done) => {
    const body = packet.topic.endsWith('/event') ? JSON.parse(packet.payload.toString()) : {};
    if (body.data?.note === 'poison') return done(new Error('never'));
    if (body.seq !== undefined) arrived.push(body.seq);
    done(null);
  };
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const connection = new MqttConnection({
    config: { url: `mqtt://127.0.0.1:${port}`, prefix: 'vedette' },
    device: 'gate-2',
    clock: systemClock,
    log,
    backoff: { firstMs: 20, maxMs: 50 },
  });
  const store = new Store();
  const folder = mkdtempSync(join(tmpdir(), 'vedette-poison-'));
  const path = join(folder, 'outbox.db');
  const outbox = new Outbox({
    path,
    readers: ['mqtt'],
    file: store.outbox,
    clock: systemClock,
    log,
  });
  const reader = outbox.reader('mqtt');
  const sink = new MqttSink({ connection, reader, clock: systemClock, log, publishTracks: false });
  await outbox.open();
  await sink.open();
  await connection.start();
  for (let seq = 1; seq <= 30; seq++) {
    outbox.write([eventRecord(seq, seq === 15 ? { data: { note: 'poison' } } : {})]);
  }
  await until('settled', () => sink.health().backlog === 0);
  expect(sink.health()).toMatchObject({ delivered: 29, dropped: 1 });
  const firsts = [...new Set(arrived)];
  expect(firsts).toEqual([...Array(30).keys()].map((i) => i + 1).filter((seq) => seq !== 15));
  await connection.stop();
  await sink.close();
  await outbox.close();
  await store.close();
  aedes.close();
  server.close();
  rmSync(folder, { recursive: true });
});

function makeCertificates(dir: string): void {
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' });
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    );
  authority('ca');
  authority('other');
  for (const [name, subject] of [
    ['server', 'localhost'],
    ['client', 'gate-2'],
  ] as const) {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${subject}`,
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-copy_extensions',
      'copy',
      '-out',
      `${name}.crt`,
    );
  }
}
