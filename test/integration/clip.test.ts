// Clips of real streams: the pictures and times of the source, in a file that others can play.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RtspServer, startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { EventRecord } from '../../src/contracts/event.ts';
import { type AccessUnit, RecordParser } from '../../src/pipeline/encoded-pipe.ts';
import { durationS, mp4Head, sampleOf } from '../../src/pipeline/mp4.ts';
import { until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';
import { orderOf, TestCamera } from './camera-harness.ts';
import { Daemon } from './daemon-harness.ts';

const PATTERN = 'testsrc=size=320x240:rate=10:duration=4';
const ENCODERS = {
  h264: ['libx264', '-bf', '2', '-g', '15', '-profile:v', 'high'],
  h265: ['libx265', '-x265-params', 'log-level=none:keyint=15:bframes=2'],
  mjpeg: ['mjpeg', '-pix_fmt', 'yuvj420p'],
} as const;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-clip-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function ffmpeg(...args: string[]): string {
  return execFileSync('ffmpeg', ['-v', 'error', '-nostdin', ...args], { encoding: 'utf8' });
}

interface Picture {
  readonly pts: number;
  readonly hash: string;
}

/** What a player shows, and when, in 90 kHz. Fails when anything cannot be decoded. */
function pictures(file: string): Picture[] {
  const text = ffmpeg(
    '-xerror',
    '-i',
    file,
    '-vsync',
    '0',
    '-enc_time_base',
    '1/90000',
    '-f',
    'framemd5',
    '-',
  );
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').map((part) => part.trim()))
    .map(([, , pts, , , hash]) => ({ pts: Number(pts), hash: hash! }));
}

/** All access units that a camera process sends of a file. */
async function unitsOf(source: string): Promise<AccessUnit[]> {
  const camera = await TestCamera.open(orderOf(source, { realtime: true }));
  const parser = new RecordParser();
  const units: AccessUnit[] = [];
  camera.encoded.on('data', (chunk: Buffer) => units.push(...parser.push(chunk)));
  camera.send({ kind: 'encoded', wanted: true });
  await camera.next('ended');
  await camera.close();
  return units;
}

describe.each(Object.keys(ENCODERS) as (keyof typeof ENCODERS)[])('%s', (codec) => {
  it('comes out with the same pictures at the same times', async () => {
    const source = join(folder, `${codec}.${codec === 'mjpeg' ? 'mkv' : 'mp4'}`);
    ffmpeg('-f', 'lavfi', '-i', PATTERN, '-pix_fmt', 'yuv420p', '-c:v', ...ENCODERS[codec], source);
    const units = await unitsOf(source);
    expect(units.length).toBeGreaterThan(20);
    expect(units[0]).toMatchObject({ codec, key: true });
    const samples = units.map(sampleOf);
    const film = { units, samples, widthPx: 320, heightPx: 240 };
    const clip = join(folder, `${codec}-clip.mp4`);
    await writeFile(clip, [mp4Head(film), ...samples]);

    const shown = pictures(clip);
    const all = pictures(source);
    expect(shown).toHaveLength(units.length);
    expect(shown[0]!.pts).toBe(0);
    const skipped = all.length - shown.length;
    expect(shown.map(({ hash }) => hash)).toEqual(all.slice(skipped).map(({ hash }) => hash));
    shown.forEach(({ pts }, i) => {
      expect(Math.abs(pts - (all[i + skipped]!.pts - all[skipped]!.pts))).toBeLessThanOrEqual(90);
    });
    expect(durationS(units)).toBeCloseTo(units.length / 10, 1);
  });
});

describe.skipIf(needsShared('clips of a daemon'))('a rule with a clip', () => {
  let server: RtspServer;
  let daemon: Daemon;

  beforeAll(async () => {
    server = await startRtspServer({
      mounts: [{ path: 'hall', file: shared('media', 'one-by-one_A_f1-720.mp4') }],
    });
    const always = { time: '00:00-00:00' };
    daemon = Daemon.prepare({
      cameras: {
        hall: { url: server.clips[0]!.url, fps: 5, idle_fps: 5 },
        other: { url: server.clips[0]!.url, fps: 1 },
      },
      rules: {
        moment: {
          cameras: ['hall'],
          when: always,
          // biome-ignore lint/suspicious/noThenProperty: it is the key of the YAML file, and never a function
          then: { event: 'moment', clip: true },
          for_s: 6,
        },
      },
      storage: { clips: { before_s: 2, after_s: 3 } },
    });
  });

  afterAll(async () => {
    await daemon?.dispose();
    await server?.stop();
  });

  it('leaves a file around the moment that plays from its first picture on', async () => {
    daemon.start();
    const clips = join(daemon.dir, 'clips');
    const files = (): string[] =>
      existsSync(clips)
        ? readdirSync(clips, { recursive: true, encoding: 'utf8' }).filter((name) =>
            /mp4$/.test(name),
          )
        : [];
    await until('a clip', () => files().length > 0, 90_000);
    expect((await daemon.end()).status).toBe(0);

    const db = new Database(join(daemon.dir, 'vedette.db'), { readonly: true });
    const [body] = db.prepare("SELECT body FROM events WHERE type = 'rule'").pluck().all();
    db.close();
    const event = JSON.parse(String(body)) as EventRecord;
    expect(files()).toEqual([event.clip]);
    expect(event.clip).toMatch(/^hall\/\d{4}-\d\d-\d\d\/\d{6}\.\d{3}-moment\.mp4$/);

    const shown = pictures(join(clips, event.clip!));
    const lengthS = (shown.at(-1)!.pts - shown[0]!.pts) / 90_000;
    // Two seconds before and three after, to a frame; at most the two seconds between key frames more, and some reordering.
    expect(lengthS).toBeGreaterThan(4.85);
    expect(lengthS).toBeLessThan(5 + 2.5);
    const times = shown.map(({ pts }) => pts);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(daemon.said('no clip')).toEqual([]);
  });
});
