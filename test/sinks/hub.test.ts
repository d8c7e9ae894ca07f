// The hub: no sink can hold up, break or starve another.
import { expect, test } from 'vitest';
import type { Sink, SinkHealth, SinkRecord } from '../../src/contracts/sink.ts';
import { createLog } from '../../src/core/log.ts';
import { SinkHub } from '../../src/sinks/hub.ts';
import { eventRecord } from './records.ts';

const log = createLog('silent');
const HEALTH: SinkHealth = { state: 'ok', backlog: 0, delivered: 0, dropped: 0, lastError: null };

class Spy implements Sink {
  readonly name: string;
  readonly got: SinkRecord[] = [];
  readonly calls: string[];
  constructor(name: string, calls: string[] = []) {
    this.name = name;
    this.calls = calls;
  }
  async open(): Promise<void> {
    this.calls.push(`open ${this.name}`);
  }
  write(records: readonly SinkRecord[]): void {
    this.got.push(...records);
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {
    this.calls.push(`close ${this.name}`);
  }
  health(): SinkHealth {
    return HEALTH;
  }
}

class Broken extends Spy {
  override write(): void {
    throw new Error('broken');
  }
  override async flush(): Promise<void> {
    throw new Error('broken');
  }
  override async close(): Promise<void> {
    this.calls.push(`close ${this.name}`);
    throw new Error('broken');
  }
}

test('a sink that throws everywhere takes nothing from the others', async () => {
  const calls: string[] = [];
  const good = new Spy('good', calls);
  const hub = new SinkHub([new Broken('bad', calls), good], log);
  await hub.start();
  hub.write([eventRecord(1)]);
  await hub.stop();
  expect(good.got.length).toBe(1);
  expect(calls).toEqual(['open bad', 'open good', 'close good', 'close bad']);
});

test('a sink that cannot open closes those before it and tells why', async () => {
  const calls: string[] = [];
  class Stuck extends Spy {
    override async open(): Promise<void> {
      throw new Error('no disk');
    }
  }
  let isSharedClosed = false;
  const hub = new SinkHub([new Spy('a', calls), new Stuck('b', calls)], log, async () => {
    isSharedClosed = true;
  });
  await expect(hub.start()).rejects.toThrow('no disk');
  expect(calls).toEqual(['open a', 'close a']);
  expect(isSharedClosed).toBe(true);
  hub.write([eventRecord(1)]);
});

test('health of all, by name', async () => {
  const hub = new SinkHub([new Spy('mqtt'), new Spy('webhook ops')], log);
  expect(hub.health()).toEqual({});
  await hub.start();
  expect(hub.health()).toEqual({ mqtt: HEALTH, 'webhook ops': HEALTH });
  await hub.stop();
});
