// Stills and clips on disk: complete or absent, bounded, and never outside their folder.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SinkRecord } from '../../src/contracts/sink.ts';
import { createLog } from '../../src/core/log.ts';
import { FileSink } from '../../src/sinks/files.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

const log = createLog('silent');
let folder: string;
let clock: FakeClock;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-stills-'));
  clock = new FakeClock();
});

afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

async function openAt(maxBytes = 1e9): Promise<FileSink> {
  const sink = FileSink.stills({ folder: join(folder, 'stills'), maxBytes, clock, log });
  await sink.open();
  return sink;
}

function still(path: string, bytes = 1000): SinkRecord {
  const jpeg = new Uint8Array(bytes).fill(7);
  return {
    kind: 'still',
    still: { camera: 'front', label: 'person', object_id: 'x', path, ts: '', jpeg },
  };
}

function files(): string[] {
  return readdirSync(join(folder, 'stills'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, 'stills').length + 1))
    .sort();
}

test('a still lies under its path, readable by the owner and group only', async () => {
  const sink = await openAt();
  sink.write([still('front/2026-01-01/120000.000-person-1.jpg')]);
  await sink.close();
  const path = join(folder, 'stills/front/2026-01-01/120000.000-person-1.jpg');
  expect(readFileSync(path).length).toBe(1000);
  expect(statSync(path).mode & 0o007).toBe(0);
  expect(sink.health()).toMatchObject({ state: 'ok', delivered: 1, dropped: 0, backlog: 0 });
});

test.each([
  '../x.jpg',
  '/etc/x.jpg',
  'a/../../x.jpg',
  'a/./x.jpg',
  'a\\x.jpg',
  'x.png',
  '.x.jpg',
  'a//x.jpg',
  'a/b.jpg\0.jpg',
  '',
])('the path %j is refused and counted', async (path) => {
  const sink = await openAt();
  sink.write([still(path), still('front/ok.jpg')]);
  await sink.close();
  expect(files()).toEqual(['front/ok.jpg']);
  expect(sink.health()).toMatchObject({ delivered: 1, dropped: 1 });
  expect(readdirSync(folder)).toEqual(['stills']);
});

test('over the size the oldest go, with the folders they leave empty', async () => {
  const sink = await openAt(10_000);
  for (let i = 0; i < 25; i++) {
    sink.write([still(`front/day-${String(Math.floor(i / 5))}/${String(i).padStart(2, '0')}.jpg`)]);
    await sink.flush(5000);
    clock.advance(1000);
  }
  const left = files();
  expect(left.length).toBeLessThanOrEqual(10);
  expect(left.length).toBeGreaterThan(7);
  expect(left.at(-1)).toBe('front/day-4/24.jpg');
  expect(readdirSync(join(folder, 'stills/front'))).toEqual(['day-3', 'day-4']);
  await sink.close();
});

test('what a former run left counts; what a crash left half written goes', async () => {
  const first = await openAt();
  for (let i = 0; i < 5; i++) first.write([still(`front/${i}.jpg`)]);
  await first.close();
  for (let i = 0; i < 5; i++) utimesSync(join(folder, `stills/front/${i}.jpg`), 1000 + i, 1000 + i);
  writeFileSync(join(folder, 'stills/front/9.jpg.part'), 'half');
  const second = await openAt(3000);
  second.write([still('front/new.jpg')]);
  await second.close();
  expect(files()).toEqual(['front/4.jpg', 'front/new.jpg']);
});

test('retention by age', async () => {
  const sink = await openAt();
  sink.write([still('front/old.jpg')]);
  await sink.flush(5000);
  clock.advance(86_400_000);
  sink.write([still('front/new.jpg')]);
  await sink.flush(5000);
  expect(await sink.prune(clock.wallMs() - 1000)).toBe(1);
  expect(files()).toEqual(['front/new.jpg']);
  await sink.close();
});

test('more than the disk can take: the oldest waiting are dropped, memory stays bounded', async () => {
  const sink = await openAt();
  sink.write([...Array(1000).keys()].map((i) => still(`front/${i}.jpg`)));
  expect(sink.health().backlog).toBeLessThanOrEqual(128);
  await sink.close();
  const { delivered, dropped } = sink.health();
  expect(delivered + dropped).toBe(1000);
  expect(files()).toContain('front/999.jpg');
});

test('a file in the way: degraded, and well again afterwards', async () => {
  const sink = await openAt();
  mkdirSync(join(folder, 'stills'), { recursive: true });
  writeFileSync(join(folder, 'stills/front'), '');
  sink.write([still('front/a.jpg')]);
  await sink.flush(5000);
  expect(sink.health()).toMatchObject({ state: 'degraded', dropped: 1 });
  rmSync(join(folder, 'stills/front'));
  sink.write([still('front/b.jpg')]);
  await sink.flush(5000);
  expect(sink.health()).toMatchObject({ state: 'ok', lastError: null });
  expect(existsSync(join(folder, 'stills/front/b.jpg'))).toBe(true);
  await sink.close();
});

test('clips are a kind of their own: written from their parts, bounded, and blind to stills', async () => {
  const sink = FileSink.clips({ folder: join(folder, 'stills'), maxBytes: 5000, clock, log });
  await sink.open();
  const clip = (name: string, sizes: readonly number[]): SinkRecord => ({
    kind: 'clip',
    clip: {
      camera: 'front',
      path: `front/${name}`,
      ts: '',
      duration_s: 1,
      parts: sizes.map((size, i) => new Uint8Array(size).fill(i)),
    },
  });
  sink.write([still('front/a.jpg'), clip('a.mp4', [10, 1990]), clip('b.mp4', [2000])]);
  await sink.flush(5000);
  expect(files()).toEqual(['front/a.mp4', 'front/b.mp4']);
  expect([...readFileSync(join(folder, 'stills', 'front/a.mp4'))].slice(8, 12)).toEqual([
    0, 0, 1, 1,
  ]);
  sink.write([clip('c.mp4', [2000]), clip('d.jpg', [10]), clip('larger-than-all.mp4', [5001])]);
  await sink.flush(5000);
  expect(files()).toEqual(['front/b.mp4', 'front/c.mp4']);
  expect(sink.health()).toMatchObject({ delivered: 3, dropped: 2, state: 'degraded' });
  await sink.close();
});
