// Databases against a real disk, real processes and SIGKILL: the outbox loses nothing that it called safe.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { ArchiveFile } from '../../src/sinks/archive-file.ts';
import { OutboxFile } from '../../src/sinks/outbox-file.ts';
import { createSinks } from '../../src/sinks/registry.ts';
import { SqliteSink } from '../../src/sinks/sqlite.ts';
import { Store } from '../../src/sinks/store.ts';
import { pause, until } from '../mqtt/mosquitto.ts';
import { eventOf, eventRecord, statusOf } from '../sinks/records.ts';

const log = createLog('silent');
const KILLS = 12;
let folder: string;
let store: Store;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-sqlite-'));
  store = new Store();
});

afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function sinkAt(path: string): SqliteSink {
  return new SqliteSink({ path, file: store.archive, clock: systemClock, log });
}

test('after every SIGKILL each event that was called safe is there, in order, once', async () => {
  const path = join(folder, 'outbox.db');
  let next = 1;
  let safe = 0;
  for (let round = 0; round < KILLS; round++) {
    const writer = await startWriter(path, next);
    await pause(20 + round * 13);
    safe = Math.max(safe, await kill(writer));
    const stored = readBack(path);
    const unique = new Set(stored);
    expect(unique.size).toBe(stored.length);
    expect(stored).toEqual([...stored].sort((a, b) => a - b));
    for (let seq = 1; seq <= safe; seq++) expect(unique.has(seq)).toBe(true);
    next = Math.max(...stored) + 1;
  }
  expect(safe).toBeGreaterThan(100);
});

interface Writer {
  readonly child: ChildProcess;
  printed: string;
}

async function startWriter(path: string, first: number): Promise<Writer> {
  const args = ['--import', 'tsx', 'test/sinks/outbox-writer.ts', path, String(first)];
  const child = spawn('node', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const writer = { child, printed: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    writer.printed += text;
  });
  await until('first commit', () => writer.printed.includes('\n'), 30_000);
  return writer;
}

/** The highest number that it called safe. */
async function kill(writer: Writer): Promise<number> {
  const closed = new Promise((resolve) => writer.child.once('close', resolve));
  writer.child.kill('SIGKILL');
  await closed;
  return Number(writer.printed.split('\n').at(-2));
}

function readBack(path: string): number[] {
  const file = new OutboxFile();
  file.open({ path, readers: ['mqtt'], maxRows: 1e6, maxBytes: 1e9, wallMs: 0 });
  const { rows } = file.read(0, 1_000_000);
  file.close();
  return rows.map(({ body }) => (JSON.parse(body) as { seq: number }).seq);
}

test('events, tracks and cameras can be found again', async () => {
  const sink = sinkAt(join(folder, 'vedette.db'));
  await sink.open();
  const end = { event_type: 'object_end', end_ts: eventOf(9).ts, top_score: 0.97 } as const;
  sink.write([
    { kind: 'camera', status: statusOf('front', 'connecting') },
    { kind: 'camera', status: statusOf('front', 'live') },
    eventRecord(1, { zones: ['yard'] }),
    eventRecord(2, { camera: 'back', label: 'car' }),
    eventRecord(3, { score: 0.3, top_score: 0.3 }),
    eventRecord(4, { ...end, object_id: eventOf(1).object_id, still: 'front/a.jpg' }),
    eventRecord(4, { ...end, object_id: eventOf(1).object_id, still: 'front/a.jpg' }),
    eventRecord(5, { event_type: 'camera_offline', object_id: null, label: null, start_ts: null }),
  ]);
  await sink.flush(5000);
  const find = async (query: Parameters<SqliteSink['events']>[0]) =>
    (await sink.events(query)).map(({ seq }) => seq);
  expect(await find({})).toEqual([5, 4, 3, 2, 1]);
  expect(await find({ limit: 2 })).toEqual([5, 4]);
  expect(await find({ limit: 2, before: eventOf(4).id })).toEqual([3, 2]);
  expect(await find({ camera: 'back' })).toEqual([2]);
  expect(await find({ label: 'person', minScore: 0.5 })).toEqual([4, 1]);
  expect(await find({ type: 'object_end' })).toEqual([4]);
  expect(await find({ zone: 'yard' })).toEqual([1]);
  expect(await find({ objectId: eventOf(1).object_id ?? '' })).toEqual([4, 1]);
  const ms = (seq: number) => Date.parse(eventOf(seq).ts);
  expect(await find({ fromMs: ms(2), toMs: ms(4) })).toEqual([3, 2]);
  const tracks = await sink.tracks({ camera: 'front' });
  expect(tracks.map(({ id }) => id)).toContain(eventOf(1).object_id);
  expect(tracks.find(({ id }) => id === eventOf(1).object_id)).toMatchObject({
    label: 'person',
    top_score: 0.97,
    still: 'front/a.jpg',
    start_ms: ms(1),
    end_ms: ms(9),
  });
  expect(await sink.formerCameras(['front'])).toEqual([]);
  expect(await sink.formerCameras(['side'])).toEqual([{ camera: 'front', labels: ['person'] }]);
  await sink.forgetCameras(['front']);
  expect(await sink.formerCameras([])).toEqual([]);
  expect(sink.health()).toMatchObject({ state: 'ok', backlog: 0, delivered: 8, dropped: 0 });
  const besides = ArchiveFile.openReadOnly(join(folder, 'vedette.db'));
  expect(besides.events({ limit: 1 })[0]).toEqual(
    eventOf(5, { event_type: 'camera_offline', object_id: null, label: null, start_ts: null }),
  );
  besides.close();
  await sink.close();
});

test('everything that a configuration asks for, opened and closed together', async () => {
  const hook = { type: 'webhook', name: 'ops', url: 'http://127.0.0.1:9/', headers: {} } as const;
  const stills = { enabled: true, max_mb: 1, quality: 85, annotate: false };
  const clips = { before_s: 5, after_s: 10, buffer_mb: 32, max_mb: 1 };
  const config = {
    alerts: [{ ...hook, events: ['object_new' as const], cooldown_s: 0 }],
    storage: { path: folder, database: 'vedette.db', retention_days: 7, stills, clips },
    cameras: {},
  };
  const jpeg = new Uint8Array(100);
  const still = {
    camera: 'front',
    label: 'person',
    object_id: 'x',
    path: 'front/a.jpg',
    ts: '',
    jpeg,
  };
  for (let run = 1; run <= 2; run++) {
    const { hub, archive } = createSinks(config, {
      clock: systemClock,
      log,
      connection: undefined,
    });
    await hub.start();
    hub.write([{ kind: 'still', still }, eventRecord(run, { still: still.path })]);
    await hub.flush(2000);
    expect((await archive.events({})).length).toBe(run);
    const health = hub.health();
    expect(Object.keys(health)).toEqual(['sqlite', 'clips', 'stills', 'outbox', 'webhook ops']);
    expect(health['webhook ops']?.backlog).toBe(run);
    await hub.stop();
  }
  expect(readdirSync(folder).sort()).toEqual(['clips', 'outbox.db', 'stills', 'vedette.db']);
});

test('retention: by age, then by size, in steps; the file shrinks', async () => {
  const sink = sinkAt(join(folder, 'vedette.db'));
  await sink.open();
  for (let seq = 1; seq <= 6000; seq++) sink.write([eventRecord(seq)]);
  await sink.flush(20_000);
  const before = Date.parse(eventOf(2501).ts);
  const rows = await sink.prune({ beforeMs: before, maxBytes: 1e9 });
  expect(rows).toBe(5000);
  expect((await sink.events({ limit: 1000, toMs: before })).length).toBe(0);
  await sink.prune({ beforeMs: before, maxBytes: 1024 * 1024 });
  const db = new Database(join(folder, 'vedette.db'), { readonly: true });
  const left = db.prepare('SELECT count(*) FROM events').pluck().get() as number;
  const newest = db.prepare('SELECT max(ts_ms) FROM events').pluck().get();
  db.close();
  expect(left).toBeLessThan(1500);
  expect(newest).toBe(Date.parse(eventOf(6000).ts));
  await sink.close();
});

test('locked by another process: kept in memory, stored when it is free', async () => {
  const path = join(folder, 'vedette.db');
  const sink = sinkAt(path);
  await sink.open();
  const other = new Database(path);
  other.exec('BEGIN IMMEDIATE');
  sink.write([eventRecord(1)]);
  await sink.flush(100);
  expect(sink.health()).toMatchObject({ state: 'degraded', backlog: 1 });
  other.exec('COMMIT');
  other.close();
  await until('stored', () => sink.health().backlog === 0);
  expect(sink.health()).toMatchObject({ state: 'ok', delivered: 1, dropped: 0 });
  await sink.close();
});

test('damaged while running: moved aside, and what comes next is stored', async () => {
  const path = join(folder, 'vedette.db');
  const sink = sinkAt(path);
  await sink.open();
  for (let seq = 1; seq <= 300; seq++) sink.write([eventRecord(seq)]);
  await sink.flush(5000);
  await sink.close();
  writeFileSync(path, Buffer.alloc(100_000, 0x5a));
  await sink.open();
  sink.write([eventRecord(301)]);
  await sink.flush(5000);
  expect((await sink.events({})).map(({ seq }) => seq)).toEqual([301]);
  expect(readdirSync(folder).some((name) => name.startsWith('vedette.db.corrupt-'))).toBe(true);
  await sink.close();
});

test('a folder that cannot be written stops the start with STORE_UNAVAILABLE', async () => {
  writeFileSync(join(folder, 'file'), '');
  const sink = sinkAt(join(folder, 'file', 'vedette.db'));
  await expect(sink.open()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

test.skipIf(!mayMount())(
  'a disk that fills up and is freed again: nothing stored is lost, the rest follows',
  async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    try {
      const sink = sinkAt(join(disk, 'vedette.db'));
      await sink.open();
      sink.write([eventRecord(1)]);
      await sink.flush(5000);
      writeFull(join(disk, 'ballast'));
      for (let seq = 2; seq <= 800; seq++) sink.write([eventRecord(seq)]);
      await sink.flush(1000);
      expect(sink.health().state).toBe('degraded');
      rmSync(join(disk, 'ballast'));
      execFileSync('mount', ['-o', 'remount,size=64m', disk]);
      await until('stored', () => sink.health().backlog === 0, 30_000);
      expect(sink.health()).toMatchObject({ state: 'ok', delivered: 800, dropped: 0 });
      await sink.close();
      await store.close();
      const db = new Database(join(disk, 'vedette.db'));
      expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
      expect(db.prepare('SELECT count(*) FROM events').pluck().get()).toBe(800);
      db.close();
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  },
);

function mayMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const probe = mkdtempSync(join(tmpdir(), 'vedette-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe]);
    return true;
  } catch {
    console.log('skipped: filling a disk needs the right to mount a tmpfs');
    return false;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

function writeFull(path: string): void {
  const chunk = Buffer.alloc(16 * 1024);
  const fd = openSync(path, 'w');
  try {
    for (;;) if (writeSync(fd, chunk) < chunk.length) break;
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(fd);
  }
}
