// The outbox: nothing accepted is ever unaccounted for, whatever the disk and the receivers do.
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLog } from '../../src/core/log.ts';
import { Outbox, type OutboxOptions } from '../../src/sinks/outbox.ts';
import { OutboxCursor } from '../../src/sinks/outbox-cursor.ts';
import type { OutboxCommit } from '../../src/sinks/outbox-file.ts';
import type { OutboxEntry, OutboxReader } from '../../src/sinks/outbox-reader.ts';
import { FakeClock } from '../fakes/fake-clock.ts';
import { type FaultyOutbox, outboxInThread } from './in-thread.ts';
import { eventRecord } from './records.ts';

const log = createLog('silent');
let folder: string;
let clock: FakeClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-outbox-'));
  clock = new FakeClock();
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Rig {
  readonly outbox: Outbox;
  readonly file: FaultyOutbox;
  reader(name: string): OutboxReader;
}

async function openRig(
  readers: string[],
  options: Partial<OutboxOptions> = {},
  file = outboxInThread(),
): Promise<Rig> {
  const path = join(folder, 'outbox.db');
  const outbox = new Outbox({ path, readers, file, clock, log, ...options });
  await outbox.open();
  return { outbox, file, reader: (name) => outbox.reader(name) };
}

/** Lets timers and the promises behind them run. */
async function settle(ms = 100): Promise<void> {
  for (let i = 0; i < 4; i++) {
    clock.advance(ms / 4);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function takeAll(reader: OutboxReader): Promise<OutboxEntry[]> {
  const entries: OutboxEntry[] = [];
  for (let misses = 0; misses < 3; ) {
    const entry = reader.take();
    if (entry !== undefined) entries.push(entry);
    else {
      misses += 1;
      await settle(0);
    }
  }
  return entries;
}

function seqs(entries: readonly OutboxEntry[]): number[] {
  return entries.map(({ event }) => event.seq);
}

function storedRows(): number {
  const db = new Database(join(folder, 'outbox.db'), { readonly: true, timeout: 0 });
  const rows = db.prepare('SELECT count(*) FROM entries').pluck().get() as number;
  db.close();
  return rows;
}

describe('cursor', () => {
  test('agrees with a list of flags', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('settle' as const), pick: fc.nat(40) }),
      fc.record({ kind: fc.constant('skip' as const), pick: fc.nat(40) }),
      fc.record({ kind: fc.constant('take' as const), pick: fc.nat(5) }),
      fc.record({ kind: fc.constant('rewind' as const), pick: fc.nat(1) }),
    );
    fc.assert(
      fc.property(fc.nat(40), fc.array(step, { maxLength: 60 }), (newest, steps) => {
        const cursor = new OutboxCursor(0);
        const open = new Set([...Array(newest).keys()].map((i) => i + 1));
        for (const { kind, pick } of steps) {
          if (kind === 'settle' && pick <= newest)
            expect(cursor.settle(pick)).toBe(open.delete(pick));
          if (kind === 'skip' && pick <= newest) {
            const lost = [...open].filter((seq) => seq <= pick);
            expect(cursor.skipTo(pick)).toBe(lost.length);
            for (const seq of lost) open.delete(seq);
          }
          if (kind === 'rewind') {
            cursor.rewind();
            expect(cursor.peek(newest)).toBe(open.size === 0 ? undefined : Math.min(...open));
          }
          if (kind === 'take' && cursor.peek(newest) !== undefined) {
            expect(open.has(cursor.peek(newest)!)).toBe(true);
            cursor.advance();
          }
          expect(cursor.backlog(newest)).toBe(open.size);
          expect(cursor.at).toBe(
            open.size === 0 ? Math.max(cursor.at, newest) : Math.min(...open) - 1,
          );
        }
      }),
    );
  });
});

test('accepted = delivered + skipped + rejected + lost + backlog, through crashes, faults and bounds', async () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        n: fc.integer({ min: 1, max: 30 }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('deliver' as const),
        n: fc.integer({ min: 1, max: 20 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('rewind' as const), n: fc.constant(0) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('time' as const),
        n: fc.integer({ min: 10, max: 1500 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('fault' as const), n: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('heal' as const), n: fc.constant(0) }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.boolean(),
      async (steps, healthyFirst) => {
        rmSync(folder, { recursive: true, force: true });
        const file = outboxInThread();
        if (!healthyFirst) file.fault = 'SQLITE_FULL';
        const { outbox, reader } = await openRig(['a', 'b'], { maxRows: 50 }, file);
        let accepted = 0;
        const handed = new Map<string, Set<number>>([
          ['a', new Set()],
          ['b', new Set()],
        ]);
        for (const { kind, n } of steps) {
          if (kind === 'write') for (let i = 0; i < n; i++) outbox.write([eventRecord(++accepted)]);
          if (kind === 'fault') file.fault = 'SQLITE_IOERR';
          if (kind === 'heal') file.fault = undefined;
          if (kind === 'time') await settle(n);
          if (kind === 'rewind') reader('a').rewind();
          if (kind === 'deliver') {
            for (let i = 0; i < n; i++) {
              const entry = reader('a').take();
              if (entry === undefined) await settle(0);
              else if (i % 5 !== 4) {
                expect(handed.get('a')!.has(entry.event.seq)).toBe(false);
                handed.get('a')!.add(entry.event.seq);
                reader('a').settle(entry.seq, 'delivered');
              }
            }
          }
        }
        file.fault = undefined;
        await settle(12_000);
        for (const name of ['a', 'b']) {
          const rest = name === 'a' ? reader('a') : reader('b');
          rest.rewind();
          const { backlog, delivered, lost } = rest.snapshot;
          expect(backlog + delivered + lost).toBe(accepted);
          const entries = await takeAll(rest);
          expect(entries.length).toBe(backlog);
          for (const entry of entries) rest.settle(entry.seq, 'delivered');
          expect(rest.snapshot).toMatchObject({ backlog: 0, delivered: accepted - lost });
        }
        await outbox.close();
      },
    ),
    { numRuns: 60 },
  );
});

test('receivers that keep up cost no write at all; one that falls behind does', async () => {
  const file = outboxInThread();
  let commits = 0;
  const commit = (rows: OutboxCommit) => {
    commits += 1;
    return file.commit(rows);
  };
  const counted = { ...file, commit };
  const { outbox, reader } = await openRig(['mqtt'], {}, counted);
  outbox.write([eventRecord(0)]);
  await settle(2000);
  reader('mqtt').settle(reader('mqtt').take()!.seq, 'delivered');
  await settle(5000);
  expect(commits).toBe(2);
  for (let seq = 1; seq <= 20; seq++) {
    outbox.write([eventRecord(seq)]);
    reader('mqtt').settle(reader('mqtt').take()!.seq, 'delivered');
    await settle(100);
  }
  await settle(5000);
  expect(commits).toBe(2);
  expect(outbox.health()).toMatchObject({ backlog: 0, delivered: 21 });
  outbox.write([eventRecord(21)]);
  await settle(2000);
  expect(commits).toBe(3);
  await outbox.close();
  expect(storedRows()).toBe(1);
});

test('a restart hands out what was not settled, in order, and numbers go on', async () => {
  const first = await openRig(['mqtt', 'webhook/ops']);
  for (let seq = 1; seq <= 10; seq++) first.outbox.write([eventRecord(seq)]);
  await settle();
  for (let i = 0; i < 4; i++)
    first.reader('mqtt').settle(first.reader('mqtt').take()!.seq, 'delivered');
  await first.outbox.close();
  const { outbox, reader } = await openRig(['mqtt', 'webhook/ops']);
  outbox.write([eventRecord(11)]);
  expect(seqs(await takeAll(reader('mqtt')))).toEqual([5, 6, 7, 8, 9, 10, 11]);
  expect(seqs(await takeAll(reader('webhook/ops')))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  await outbox.close();
});

test('a reader that is configured no more pins nothing; a new one starts with what is new', async () => {
  const first = await openRig(['mqtt', 'webhook/old']);
  for (let seq = 1; seq <= 5; seq++) first.outbox.write([eventRecord(seq)]);
  await settle();
  for (const entry of await takeAll(first.reader('mqtt')))
    first.reader('mqtt').settle(entry.seq, 'delivered');
  await first.outbox.close();
  expect(storedRows()).toBe(5);
  const { outbox, reader } = await openRig(['mqtt', 'webhook/new']);
  outbox.write([eventRecord(6)]);
  expect(seqs(await takeAll(reader('webhook/new')))).toEqual([6]);
  await settle();
  expect(() => storedRows()).toThrow(/locked/);
  await outbox.close();
  expect(storedRows()).toBe(1);
});

test('over the bounds the oldest go, each reader counts what it lost, and the file stays bounded', async () => {
  const maxBytes = 200 * 1024;
  const { outbox, reader } = await openRig(['mqtt', 'slow'], { maxBytes });
  for (let seq = 1; seq <= 2000; seq++) {
    outbox.write([eventRecord(seq)]);
    reader('mqtt').settle(reader('mqtt').take()!.seq, 'delivered');
    if (seq % 20 === 0) await settle();
  }
  await settle(2000);
  const { backlog, lost } = reader('slow').snapshot;
  expect(backlog + lost).toBe(2000);
  expect(lost).toBeGreaterThan(1700);
  expect(reader('mqtt').snapshot).toMatchObject({ delivered: 2000, lost: 0 });
  const kept = seqs(await takeAll(reader('slow')));
  expect(kept.at(-1)).toBe(2000);
  expect(kept).toEqual([...Array(backlog).keys()].map((i) => 2000 - backlog + 1 + i));
  await outbox.close();
  expect(statSync(join(folder, 'outbox.db')).size).toBeLessThan(4 * maxBytes);
});

test('a full disk: events flow from memory, and are stored when there is room again', async () => {
  const file = outboxInThread();
  file.fault = 'SQLITE_FULL';
  const { outbox, reader } = await openRig(['mqtt'], {}, file);
  for (let seq = 1; seq <= 100; seq++) outbox.write([eventRecord(seq)]);
  await settle();
  expect(outbox.health()).toMatchObject({ state: 'degraded', backlog: 100 });
  const taken = await takeAll(reader('mqtt'));
  expect(seqs(taken)).toEqual([...Array(100).keys()].map((i) => i + 1));
  for (const entry of taken.slice(0, 30)) reader('mqtt').settle(entry.seq, 'delivered');
  file.fault = undefined;
  await settle(6000);
  expect(outbox.health()).toMatchObject({ state: 'ok', backlog: 0, lastError: null });
  await outbox.close();
  expect(storedRows()).toBe(70);
});

test('a disk that was full at the start: the backlog of the last run comes first all the same', async () => {
  const before = await openRig(['mqtt']);
  for (let seq = 1; seq <= 5; seq++) before.outbox.write([eventRecord(seq)]);
  await settle();
  await before.outbox.close();
  const file = outboxInThread();
  file.fault = 'SQLITE_FULL';
  const { outbox, reader } = await openRig(['mqtt'], {}, file);
  for (let seq = 6; seq <= 9; seq++) outbox.write([eventRecord(seq)]);
  const entry = reader('mqtt').take()!;
  expect(entry.event.seq).toBe(6);
  reader('mqtt').settle(entry.seq, 'delivered');
  file.fault = undefined;
  await settle(6000);
  expect(reader('mqtt').snapshot).toMatchObject({ delivered: 1, backlog: 8, lost: 0 });
  expect(seqs(await takeAll(reader('mqtt')))).toEqual([1, 2, 3, 4, 5, 7, 8, 9]);
  await outbox.close();
});

test('a damaged file is moved aside, readable rows are taken over, and the agent goes on', async () => {
  const first = await openRig(['mqtt']);
  for (let seq = 1; seq <= 400; seq++) first.outbox.write([eventRecord(seq)]);
  await settle();
  await first.outbox.close();
  const path = join(folder, 'outbox.db');
  const { size } = statSync(path);
  const bytes = Buffer.alloc(4096, 0xa5);
  const fd = openSync(path, 'r+');
  writeSync(fd, bytes, 0, bytes.length, Math.floor(size / 2 / 4096) * 4096);
  closeSync(fd);
  const { outbox, reader } = await openRig(['mqtt']);
  const names = readdirSync(folder);
  expect(
    names.filter((name) => name.startsWith('outbox.db.corrupt-') && !name.endsWith('-wal')).length,
  ).toBe(1);
  const rescued = seqs(await takeAll(reader('mqtt')));
  expect(rescued.length).toBeGreaterThan(380);
  expect(rescued).toEqual([...rescued].sort((a, b) => a - b));
  const { backlog, lost } = reader('mqtt').snapshot;
  expect(backlog + lost).toBe(400);
  await outbox.close();
});

test.each([
  ['not a database at all', (path: string) => writeFileSync(path, 'x'.repeat(10_000))],
  ['cut in half', (path: string) => truncateSync(path, 4096 + 100)],
])('%s: begun anew, and the old file is kept', async (_what, damage) => {
  const first = await openRig(['mqtt']);
  for (let seq = 1; seq <= 50; seq++) first.outbox.write([eventRecord(seq)]);
  await settle();
  await first.outbox.close();
  damage(join(folder, 'outbox.db'));
  const { outbox, reader } = await openRig(['mqtt']);
  outbox.write([eventRecord(51)]);
  expect(seqs(await takeAll(reader('mqtt'))).at(-1)).toBe(51);
  expect(readdirSync(folder).some((name) => name.includes('.corrupt-'))).toBe(true);
  await outbox.close();
});

test('a row whose bytes changed is counted as lost, not delivered', async () => {
  const first = await openRig(['mqtt']);
  for (let seq = 1; seq <= 10; seq++) first.outbox.write([eventRecord(seq)]);
  await settle();
  await first.outbox.close();
  const db = new Database(join(folder, 'outbox.db'));
  db.exec("UPDATE entries SET body = replace(body, 'person', 'parson') WHERE seq = 4");
  db.close();
  const { outbox, reader } = await openRig(['mqtt']);
  expect(seqs(await takeAll(reader('mqtt')))).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10]);
  expect(reader('mqtt').snapshot).toMatchObject({ lost: 1, backlog: 9 });
  await outbox.close();
});

test('a file of a newer Vedette is refused and left alone; a second agent is refused', async () => {
  const db = new Database(join(folder, 'outbox.db'));
  db.pragma('user_version = 99');
  db.close();
  await expect(openRig(['mqtt'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  rmSync(join(folder, 'outbox.db'));
  const { outbox } = await openRig(['mqtt']);
  await expect(openRig(['mqtt'])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await outbox.close();
});

test('events that are absurdly large are refused and counted', async () => {
  const { outbox, reader } = await openRig(['mqtt']);
  outbox.write([eventRecord(1, { data: { note: 'x'.repeat(100_000) } }), eventRecord(2)]);
  expect(outbox.health().dropped).toBe(1);
  expect(seqs(await takeAll(reader('mqtt')))).toEqual([2]);
  await outbox.close();
});
