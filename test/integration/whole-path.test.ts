// RTSP camera → daemon → Mosquitto, SQLite, webhook and stills: real parts only.

import type { ChildProcess } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RtspServer, startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { CameraStatus } from '../../src/contracts/camera.ts';
import type { EventRecord } from '../../src/contracts/event.ts';
import { freePort, type Heard, Mosquitto, until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';
import { Daemon, isAlive } from './daemon-harness.ts';
import { startVlc } from './foreign-server.ts';

interface Hook {
  readonly body: string;
  readonly signature: string;
}

const SECRET = 'a webhook secret that nobody guesses';

const CAMERAS = ['hall', 'park', 'yard'];

describe.skipIf(needsShared('the whole path'))('from RTSP to MQTT', () => {
  let server: RtspServer;
  let broker: Mosquitto;
  let receiver: Server;
  let vlc: ChildProcess;
  let folder: string;
  let daemon: Daemon;
  let heard: Heard[];
  let announced: Heard[];
  const hooks: Hook[] = [];

  beforeAll(async () => {
    broker = await Mosquitto.start();
    heard = await broker.listen('vedette/#');
    announced = await broker.listen('homeassistant/#');
    server = await startRtspServer({
      mounts: [
        { path: 'hall', file: shared('media', 'one-by-one_A_f1-720.mp4') },
        { path: 'park', file: shared('media', 'sub-1504614469486.mp4') },
      ],
    });
    folder = mkdtempSync(join(tmpdir(), 'vedette-vlc-'));
    chmodSync(folder, 0o755);
    const foreignPort = await freePort();
    vlc = startVlc(shared('media', 'pedestrian_survaillance.mp4'), foreignPort, folder);
    receiver = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        hooks.push({ body, signature: String(request.headers['x-vedette-signature']) });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    daemon = Daemon.prepare({
      cameras: {
        hall: { url: server.clips[0]!.url, fps: 8 },
        park: { url: server.clips[1]!.url, fps: 8, labels: ['car', 'person'] },
        yard: { url: `rtsp://127.0.0.1:${foreignPort}/cam`, transport: 'udp', fps: 8 },
      },
      mqtt: { url: broker.url, home_assistant: true },
      alerts: [
        {
          name: 'guard',
          url: `http://127.0.0.1:${port}/`,
          secret: SECRET,
          labels: ['person'],
          events: ['object_end'],
        },
      ],
    });
    daemon.start({ PLANTED_SECRET: 'nobody-may-see-this' });
  });

  afterAll(async () => {
    await daemon?.dispose();
    await server?.stop();
    vlc?.kill('SIGKILL');
    receiver?.close();
    rmSync(folder, { recursive: true, force: true });
    await broker?.stop();
  });

  const on = (topic: string) => heard.filter((message) => message.topic === `vedette/box/${topic}`);
  const events = (camera: string): EventRecord[] =>
    on(`cam/${camera}/event`).map((message) => JSON.parse(message.payload));
  const objects = (camera: string, type: string, label: string) =>
    events(camera).filter((event) => event.event_type === type && event.label === label);

  it('detects, tracks and publishes people and cars', async () => {
    await until(
      'a person came and went in the hall',
      () => objects('hall', 'object_end', 'person').length > 0,
      60_000,
    );
    await until(
      'a car was seen in the park',
      () => objects('park', 'object_new', 'car').length > 0,
      60_000,
    );
    await until(
      'people were seen in the yard, whose server is not ours',
      () => objects('yard', 'object_new', 'person').length > 2,
      60_000,
    );
    expect(daemon.isRunning).toBe(true);
    expect(daemon.noise).toEqual([]);
    const [first] = objects('hall', 'object_new', 'person');
    expect(first).toMatchObject({
      v: 1,
      event_type: 'object_new',
      device: 'box',
      camera: 'hall',
      frame_size: [768, 432],
      model: { name: 'yolox-nano' },
      replayed: false,
    });
    const [x, y, w, h] = first!.box!;
    expect(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 1.001 && y + h <= 1.001).toBe(true);
    expect(first!.box_px![2]).toBeCloseTo(w * 768, -1);
    expect(first!.pts_ns).toBeGreaterThan(0);
    expect(Math.abs(Date.parse(first!.ts) - Date.now())).toBeLessThan(120_000);
  });

  it('tells every object once: new, then end, in order and with rising numbers', () => {
    for (const camera of CAMERAS) {
      const seen = new Map<string, string[]>();
      for (const event of events(camera)) {
        if (event.object_id === null) continue;
        seen.set(event.object_id, [...(seen.get(event.object_id) ?? []), event.event_type]);
      }
      expect(seen.size).toBeGreaterThan(0);
      for (const types of seen.values()) {
        expect(types[0]).toBe('object_new');
        expect(types.filter((type) => type === 'object_new')).toHaveLength(1);
        expect(types.slice(0, -1)).not.toContain('object_end');
      }
      const numbers = events(camera).map((event) => event.seq);
      expect([...numbers].sort((a, b) => a - b)).toEqual(numbers);
    }
  });

  it('follows only the labels that a camera asks for', () => {
    const labels = new Set(events('park').flatMap((event) => event.label ?? []));
    expect([...labels].every((label) => label === 'car' || label === 'person')).toBe(true);
  });

  it('retains status, camera state and counts', () => {
    expect(on('status').at(-1)!.payload).toBe('online');
    const status: CameraStatus = JSON.parse(on('cam/hall/status').at(-1)!.payload);
    expect(status).toMatchObject({ state: 'live', codec: 'h264', frame_size: [768, 432] });
    expect(on('cam/hall/count/person').map((message) => message.payload)).toContain('1');
    expect(JSON.parse(on('info').at(-1)!.payload)).toMatchObject({ provider: 'cpu' });
  });

  it('announces itself to Home Assistant with topics that it publishes', () => {
    const document = announced.findLast(({ topic }) => topic.includes('vedette_box_hall'));
    const { cmps } = JSON.parse(document!.payload);
    const topics = Object.values<{ state_topic?: string }>(cmps).map(
      (entity) => entity.state_topic,
    );
    expect(topics).toContain('vedette/box/cam/hall/count/person');
    expect(topics).toContain('vedette/box/cam/hall/status');
  });

  it('signs and sends alerts', async () => {
    await until('the webhook was called', () => hooks.length > 0, 30_000);
    const { body, signature } = hooks[0]!;
    const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    expect(createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex')).toBe(mac);
    expect(JSON.stringify(JSON.parse(body))).toContain('object_end');
  });

  it('keeps stills and rows of what it told', async () => {
    const end = objects('hall', 'object_end', 'person').find((event) => event.still !== null)!;
    const file = join(daemon.dir, 'stills', end.still!);
    await until('the still is on disk', () => existsSync(file));
    expect(await sharp(file).metadata()).toMatchObject({ format: 'jpeg', width: 768, height: 432 });
    const database = new Database(join(daemon.dir, 'vedette.db'), { readonly: true });
    const row = () => database.prepare('select * from events where id = ?').get(end.id);
    await until('the event is in the database', () => row() !== undefined);
    const count = database.prepare("select count(*) as n from tracks where camera = 'hall'").get();
    expect((count as { n: number }).n).toBeGreaterThan(0);
    database.close();
  });

  it('keeps its environment from the camera processes', () => {
    for (const pid of daemon.cameraPids()) {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      expect(environment).toContain('PATH=');
      expect(environment).not.toContain('nobody-may-see-this');
    }
  });

  it('drains at SIGTERM: tracks end, no last will, exit 0, nobody left behind', async () => {
    const pids = daemon.cameraPids();
    expect(pids.length).toBe(3);
    await until(
      'a car is in view',
      () =>
        objects('park', 'object_new', 'car').length > objects('park', 'object_end', 'car').length,
      60_000,
    );
    const { status, tookMs } = await daemon.end('SIGTERM');
    expect(status).toBe(0);
    console.log(`drained in ${tookMs.toFixed(0)} ms`);
    expect(tookMs).toBeLessThan(5000);
    await until('offline is retained', () => on('status').at(-1)!.payload === 'offline');
    expect(on('status').filter((message) => message.payload === 'offline')).toHaveLength(1);
    for (const pid of pids) expect(isAlive(pid)).toBe(false);
    for (const camera of CAMERAS) {
      const ids = (type: string) =>
        new Set(
          events(camera)
            .filter((event) => event.event_type === type)
            .map((event) => event.object_id),
        );
      await until(
        `every object of ${camera} ended`,
        () => ids('object_new').size === ids('object_end').size,
      );
      expect(ids('object_end')).toEqual(ids('object_new'));
    }
  });

  it('leaves no camera process behind when the daemon itself is killed', async () => {
    daemon.start();
    await until(
      'cameras are live again',
      () => daemon.said('camera state', { state: 'live' }).length >= 4,
      60_000,
    );
    const pids = daemon.cameraPids();
    expect(pids.length).toBeGreaterThanOrEqual(2);
    await daemon.end('SIGKILL');
    await until('children end themselves', () => !pids.some(isAlive));
    await until('the last will is published', () => on('status').at(-1)!.payload === 'offline');
  });
});
