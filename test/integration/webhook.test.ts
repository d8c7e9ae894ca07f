// Webhooks against a real HTTP receiver that verifies, refuses, hangs, redirects and comes back.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventRecord } from '../../src/contracts/event.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { type WebhookConfig, WebhookSink } from '../../src/sinks/alerts/webhook.ts';
import { SinkHub } from '../../src/sinks/hub.ts';
import { Outbox } from '../../src/sinks/outbox.ts';
import { Store } from '../../src/sinks/store.ts';
import { pause, until } from '../mqtt/mosquitto.ts';
import { eventRecord, statusOf } from '../sinks/records.ts';

const log = createLog('silent');
const SECRET = 'correct horse battery staple';

interface Request {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly event: EventRecord;
}

class Receiver {
  readonly requests: Request[] = [];
  answer: (request: Request, response: ServerResponse) => void = (_request, response) => {
    response.writeHead(204).end();
  };
  private server: Server | undefined;
  port = 0;

  async up(): Promise<void> {
    this.server = createServer((message, response) => {
      let body = '';
      message.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      message.on('end', () => {
        const request = { headers: message.headers, body, event: JSON.parse(body) as EventRecord };
        this.requests.push(request);
        this.answer(request, response);
      });
    });
    const { server } = this;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/alerts`;
  }

  get seqs(): number[] {
    return this.requests.map(({ event }) => event.seq);
  }
}

let folder: string;
let receiver: Receiver;
let hub: SinkHub | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-webhook-'));
  receiver = new Receiver();
  await receiver.up();
});

afterEach(async () => {
  await hub?.stop();
  hub = undefined;
  await receiver.down();
  rmSync(folder, { recursive: true, force: true });
});

async function start(
  overrides: Partial<WebhookConfig> = {},
  timeoutMs = 500,
  others: WebhookConfig[] = [],
): Promise<{ hub: SinkHub; webhook: WebhookSink }> {
  const store = new Store();
  const first: WebhookConfig = {
    name: 'ops',
    url: receiver.url,
    secret: SECRET,
    headers: {},
    events: ['object_new'],
    cooldown_s: 0,
    ...overrides,
  };
  const configs = [first, ...others];
  const outbox = new Outbox({
    path: join(folder, 'outbox.db'),
    readers: configs.map(({ name }) => name),
    file: store.outbox,
    clock: systemClock,
    log,
  });
  const backoff = { firstMs: 30, maxMs: 200 };
  const webhooks = configs.map(
    (config) =>
      new WebhookSink({
        config,
        reader: outbox.reader(config.name),
        clock: systemClock,
        log,
        timeoutMs,
        backoff,
      }),
  );
  const started = new SinkHub([outbox, ...webhooks], log, () => store.close());
  await started.start();
  hub = started;
  return { hub: started, webhook: webhooks[0]! };
}

test('the receiver can verify who sent it, and that nobody changed it', async () => {
  const { hub } = await start({ headers: { authorization: 'Bearer abc' } });
  hub.write([eventRecord(1, { label: 'pérson' })]);
  await until('request', () => receiver.requests.length === 1);
  const { headers, body, event } = receiver.requests[0]!;
  expect(verify(String(headers['x-vedette-signature']), body)).toBe(true);
  expect(verify(String(headers['x-vedette-signature']), body.replace('front', 'frond'))).toBe(
    false,
  );
  expect(headers).toMatchObject({
    'content-type': 'application/json',
    'x-vedette-event': 'object_new',
    'x-vedette-id': event.id,
    authorization: 'Bearer abc',
  });
  expect(event).toMatchObject({ seq: 1, label: 'pérson', replayed: false });
});

test('a login in the URL becomes Basic authentication; configured headers cannot replace ours', async () => {
  const url = receiver.url.replace('//', '//ops:p%40ss@');
  const { hub } = await start({
    url,
    headers: { 'Content-Type': 'text/plain', 'X-Vedette-Id': 'forged' },
  });
  hub.write([eventRecord(1)]);
  await until('request', () => receiver.requests.length === 1);
  const { headers, event } = receiver.requests[0]!;
  expect(headers.authorization).toBe(`Basic ${Buffer.from('ops:p@ss').toString('base64')}`);
  expect(headers['content-type']).toBe('application/json');
  expect(headers['x-vedette-id']).toBe(event.id);
});

test('a header that HTTP cannot carry is refused at the start', async () => {
  await expect(start({ headers: { 'x-note': 'a\nb' } })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  });
});

test('only the selected types, labels and cameras', async () => {
  const { hub, webhook } = await start({
    events: ['object_new', 'camera_offline'],
    labels: ['person'],
    cameras: ['front'],
  });
  hub.write([
    eventRecord(1, { event_type: 'object_update' }),
    eventRecord(2, { label: 'car' }),
    eventRecord(3, { camera: 'back' }),
    eventRecord(4),
    eventRecord(5, { event_type: 'camera_offline', label: null, object_id: null }),
    { kind: 'camera', status: statusOf('front') },
  ]);
  await until('settled', () => webhook.health().backlog === 0);
  expect(receiver.seqs).toEqual([4, 5]);
});

test('the cool-down thins per camera and label, by capture time', async () => {
  const { hub, webhook } = await start({ cooldown_s: 5 });
  hub.write([1, 2, 3, 6, 7, 12].map((seq) => eventRecord(seq)));
  hub.write([eventRecord(13, { label: 'car' }), eventRecord(14, { camera: 'back' })]);
  await until('settled', () => webhook.health().backlog === 0);
  expect(receiver.seqs).toEqual([1, 6, 12, 13, 14]);
});

test('an alert that is being retried is not silenced by its own cool-down', async () => {
  let failures = 2;
  receiver.answer = (_request, response) => {
    failures -= 1;
    response.writeHead(failures >= 0 ? 503 : 200).end();
  };
  const { hub, webhook } = await start({ cooldown_s: 60 });
  hub.write([eventRecord(1), eventRecord(2)]);
  await until('settled', () => webhook.health().backlog === 0);
  expect(receiver.seqs).toEqual([1, 1, 1]);
  expect(webhook.health()).toMatchObject({ delivered: 1, dropped: 0 });
});

test.each([
  ['500', 500, {}],
  ['429 with Retry-After', 429, { 'retry-after': '0' }],
  ['503 with a date', 503, { 'retry-after': new Date(0).toUTCString() }],
])('%s: again until it works, in order, marked as replayed', async (_what, status, headers) => {
  let failures = 3;
  receiver.answer = (_request, response) => {
    failures -= 1;
    if (failures >= 0) response.writeHead(status, headers).end('later');
    else response.writeHead(200).end();
  };
  const { hub, webhook } = await start();
  hub.write([1, 2, 3].map((seq) => eventRecord(seq)));
  await until('settled', () => webhook.health().backlog === 0);
  expect(receiver.seqs).toEqual([1, 1, 1, 1, 2, 3]);
  expect(receiver.requests.map(({ event }) => event.replayed)).toEqual([
    false,
    true,
    true,
    true,
    true,
    true,
  ]);
  for (const { headers, body } of receiver.requests) {
    expect(verify(String(headers['x-vedette-signature']), body)).toBe(true);
  }
});

test('a long Retry-After is kept to', async () => {
  receiver.answer = (_request, response) =>
    response.writeHead(503, { 'retry-after': '3600' }).end();
  const { hub, webhook } = await start();
  hub.write([eventRecord(1)]);
  await until('first attempt', () => receiver.requests.length === 1);
  await pause(600);
  expect(receiver.requests.length).toBe(1);
  expect(webhook.health()).toMatchObject({
    state: 'down',
    backlog: 1,
    lastError: 'the receiver answered 503',
  });
});

test.each([400, 401, 404, 413, 301, 307])(
  '%i is final: counted, and the next one goes',
  async (status) => {
    receiver.answer = ({ event }, response) => {
      if (event.seq === 1) response.writeHead(status, { location: '/elsewhere' }).end();
      else response.writeHead(200).end();
    };
    const { hub, webhook } = await start();
    hub.write([eventRecord(1), eventRecord(2)]);
    await until('settled', () => webhook.health().backlog === 0);
    expect(receiver.seqs).toEqual([1, 2]);
    expect(webhook.health()).toMatchObject({ delivered: 1, dropped: 1, state: 'ok' });
  },
);

test('a receiver that hangs holds up neither the other one nor the hub', async () => {
  receiver.answer = () => undefined;
  const other = new Receiver();
  await other.up();
  const healthy: WebhookConfig = {
    name: 'healthy',
    url: other.url,
    headers: {},
    events: ['object_new'],
    cooldown_s: 0,
  };
  const { hub, webhook } = await start({}, 60_000, [healthy]);
  for (let seq = 1; seq <= 200; seq++) hub.write([eventRecord(seq)]);
  await until('the other has all', () => other.requests.length === 200);
  expect(receiver.requests.length).toBe(1);
  expect(webhook.health()).toMatchObject({ backlog: 200, delivered: 0 });
  expect(other.requests.every(({ headers }) => !('x-vedette-signature' in headers))).toBe(true);
  await other.down();
});

test('a body that never ends is not waited for', async () => {
  receiver.answer = (_request, response) => {
    response.writeHead(200);
    response.write('x');
  };
  const { hub, webhook } = await start({}, 60_000);
  hub.write([eventRecord(1), eventRecord(2)]);
  await until('both', () => webhook.health().delivered === 2);
});

test('what was kept over a restart of the agent arrives when the receiver is back', async () => {
  await receiver.down();
  const first = await start();
  first.hub.write([1, 2, 3].map((seq) => eventRecord(seq)));
  await until('noticed', () => first.webhook.health().state === 'down');
  expect(first.webhook.health().lastError).toMatch(/ECONNREFUSED/);
  await first.hub.stop();
  await receiver.up();
  const second = await start();
  second.hub.write([eventRecord(4)]);
  await until('settled', () => second.webhook.health().backlog === 0);
  expect(receiver.seqs).toEqual([1, 2, 3, 4]);
  expect(receiver.requests.map(({ event }) => event.replayed)).toEqual([true, true, true, false]);
});

/** Written from the description in the docs, not from our code. */
function verify(header: string, body: string): boolean {
  const parts = Object.fromEntries(
    header.split(',').map((part) => part.split('=') as [string, string]),
  );
  const expected = createHmac('sha256', SECRET).update(`${parts.t}.`).update(body).digest();
  const isFresh = Math.abs(Date.now() / 1000 - Number(parts.t)) < 300;
  return isFresh && timingSafeEqual(expected, Buffer.from(parts.v1 ?? '', 'hex'));
}
