// Retention: runs by itself, and not while the clock is evidently wrong.
import { expect, test } from 'vitest';
import { createLog } from '../../src/core/log.ts';
import { Retention } from '../../src/sinks/retention.ts';
import type { SqliteSink } from '../../src/sinks/sqlite.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

const DAY_MS = 86_400_000;

function rig(wallMs: number): {
  clock: FakeClock;
  orders: { beforeMs: number }[];
  retention: Retention;
} {
  const clock = new FakeClock(wallMs);
  const orders: { beforeMs: number }[] = [];
  const archive = {
    prune: async (order: { beforeMs: number }) => {
      orders.push(order);
      return 0;
    },
  } as unknown as SqliteSink;
  const log = createLog('silent');
  const retention = new Retention({
    archive,
    files: [],
    days: 7,
    maxDatabaseBytes: 1e9,
    clock,
    log,
  });
  return { clock, orders, retention };
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  clock.advance(ms);
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

test('a minute after the start, then hourly, until it is stopped', async () => {
  const start = Date.UTC(2026, 5, 1);
  const { clock, orders, retention } = rig(start);
  retention.start();
  await pass(clock, 60_000);
  expect(orders).toEqual([{ beforeMs: start + 60_000 - 7 * DAY_MS, maxBytes: 1e9 }]);
  await pass(clock, 3_540_000);
  await pass(clock, 3_600_000);
  expect(orders.length).toBe(3);
  await retention.stop();
  await pass(clock, 7_200_000);
  expect(orders.length).toBe(3);
});

test('a clock that was never set deletes nothing', async () => {
  const { clock, orders, retention } = rig(0);
  retention.start();
  await pass(clock, 7_200_000);
  expect(orders).toEqual([]);
  await retention.stop();
});
