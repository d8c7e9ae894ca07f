// Decoders that a camera is given, what happens when one fails, and frames that are left out. Software stands in for hardware.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { CameraOrder } from '../../src/contracts/ticket.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { Arena } from '../../src/native/arena.ts';
import { hasElement, registerElements } from '../../src/native/frames.ts';
import { CameraSupervisor } from '../../src/pipeline/supervisor.ts';
import { orderOf, picture, printAll, TestCamera } from './camera-harness.ts';

const FRAMES = 40;
const KEY_EVERY = 10;
registerElements();
const isThere = hasElement('openh264dec') && hasElement('vedetteh264dec');
if (!isThere) console.warn('decoder-choice: skipped, openh264dec and vedetteh264dec are needed');

const folder = mkdtempSync(path.join(tmpdir(), 'vedette-decoders-'));
const open: TestCamera[] = [];
let plain: string;
let bFrames: string;
/** OpenH264 decodes progressive pictures only. */
let interlaced: string;

function make(name: string, ...options: string[]): string {
  const file = path.join(folder, name);
  execFileSync('ffmpeg', [
    ...['-v', 'fatal', '-y', '-f', 'lavfi', '-i', `testsrc2=size=320x240:rate=20:duration=2`],
    ...['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', String(KEY_EVERY), ...options, file],
  ]);
  return file;
}

async function start(source: string, changes: Partial<CameraOrder>): Promise<TestCamera> {
  const camera = await TestCamera.open(orderOf(source, changes));
  open.push(camera);
  return camera;
}

/** Frames that FFmpeg decodes when it leaves out the same. */
function countOf(file: string, skip: string): number {
  const args = ['-v', 'fatal', '-skip_frame', skip, '-i', file, '-fps_mode', 'passthrough'];
  const text = execFileSync('ffmpeg', [...args, '-f', 'framemd5', '-'], { encoding: 'utf8' });
  return text.split('\n').filter((line) => /^0,/.test(line)).length;
}

beforeAll(() => {
  plain = make('plain.mp4', '-bf', '0', '-x264-params', 'scenecut=0');
  bFrames = make('b.mp4', '-bf', '2', '-x264-params', 'scenecut=0:b-pyramid=none:b-adapt=0');
  interlaced = make('interlaced.mp4', '-flags', '+ildct+ilme');
});
afterEach(() => {
  for (const camera of open.splice(0)) camera.child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!isThere)('the decoder that was chosen', () => {
  it('decodes every frame, and is named', async () => {
    const camera = await start(plain, { decoders: { h264: 'openh264dec' } });
    const { frames } = await printAll(camera, picture(64, 64));
    expect(frames).toHaveLength(FRAMES);
    expect(camera.all('stream')).toMatchObject([{ decoder: 'openh264dec', pixelFormat: 'I420' }]);
  });

  it.each([
    ['gives no picture', 'openh264dec', () => interlaced],
    ['takes another codec', 'jpegdec', () => plain],
    ['leaves its pictures elsewhere', 'identity', () => plain],
  ])('is blamed when it %s', async (_, element, clip) => {
    const camera = await start(clip(), { decoders: { h264: element } });
    expect(await camera.next('ended')).toMatchObject({
      end: 'decoder_failed',
      cause: expect.stringMatching(new RegExp(`^${element}: .`)),
    });
  });

  it('is blamed when a camera sends and no picture comes', async () => {
    const mounts = [{ path: 'cam', file: interlaced }];
    const server = await startRtspServer({ mounts, username: '', password: '' });
    const camera = await start(`rtsp://127.0.0.1:${server.port}/cam`, {
      decoders: { h264: 'openh264dec' },
    });
    const ended = await camera.next('ended');
    await server.stop();
    expect(ended).toMatchObject({
      end: 'decoder_failed',
      cause: 'openh264dec: no picture within 8 s',
    });
  });

  it('is not blamed for a camera that is not there', async () => {
    const absent = path.join(folder, 'nothing.mp4');
    const camera = await start(absent, { decoders: { h264: 'openh264dec' } });
    expect(await camera.next('ended')).toMatchObject({ end: 'failed' });
    const gone = await start('rtsp://127.0.0.1:9/x', { decoders: { h264: 'openh264dec' } });
    expect(await gone.next('ended')).toMatchObject({ end: 'unreachable' });
  });

  it("is blamed when FFmpeg's device does not open", async () => {
    const camera = await start(plain, { decoder: 'ffmpeg', decoders: { h264: 'nosuchaccel' } });
    expect(await camera.next('ended')).toMatchObject({ end: 'decoder_failed' });
  });

  it('is replaced by software at once, which the status explains', async () => {
    const arena = Arena.create(1 << 20);
    const plan = orderOf(interlaced, { loop: true, realtime: true, arenaBytes: arena.bytes });
    const supervisor = new CameraSupervisor({
      plan: { ...plan, decoders: { h264: 'openh264dec' }, isEnabled: true },
      ...{ arena, clock: systemClock, log: createLog('silent') },
    });
    supervisor.start();
    await new Promise<void>((resolve) => supervisor.on('frame', () => resolve()));
    expect(supervisor.status()).toMatchObject({
      state: 'live',
      decoder: 'vedetteh264dec',
      decoder_fallback: expect.stringMatching(/^openh264dec: ./),
    });
    expect(supervisor.counts().sessions).toBe(2);
    await supervisor.stop();
  });
});

describe.skipIf(!isThere)('a software decoder', () => {
  const threads = (pid: number | undefined): number => readdirSync(`/proc/${pid}/task`).length;

  it('gets a second thread for more than Full HD, whatever the bound allows', async () => {
    const counts: number[] = [];
    for (const size of ['1920x1080', '2560x1440']) {
      const file = path.join(folder, `${size}.mp4`);
      execFileSync('ffmpeg', [
        ...['-v', 'fatal', '-y', '-f', 'lavfi', '-i', `color=s=${size}:r=10:d=4`],
        ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', file],
      ]);
      const camera = await start(file, { realtime: true });
      for (let count = 0; count < 5; count++) await camera.next('frame');
      counts.push(threads(camera.child.pid));
    }
    // With one thread libavcodec decodes on the caller's, with two on two of its own.
    expect(counts[1]).toBe(counts[0]! + 2);
  });
});

describe.skipIf(!isThere)('frames that are left out', () => {
  it.each([
    ['key', 'nokey', () => plain],
    ['reference', 'noref', () => bFrames],
  ] as const)(
    'decode: %s leaves out what FFmpeg calls %s, and counts it',
    async (decode, skip, clip) => {
      const camera = await start(clip(), { decode });
      const { frames } = await printAll(camera, picture(64, 64));
      const expected = countOf(clip(), skip);
      expect(expected).toBeLessThan(FRAMES / 2);
      expect(frames).toHaveLength(expected);
      for (const [at, { sequence, skipped, ptsNs }] of frames.entries()) {
        expect(sequence - skipped).toBe(at + 1);
        expect(ptsNs).toBeGreaterThan(frames[at - 1]?.ptsNs ?? -1);
      }
      const last = frames.at(-1);
      expect(last?.sequence).toBeLessThanOrEqual(FRAMES);
      expect(last?.sequence).toBeGreaterThan(FRAMES - KEY_EVERY);
    },
  );

  it('are still shown to whoever wants access units', async () => {
    const camera = await start(plain, { decode: 'key', realtime: true });
    let bytes = 0;
    camera.encoded.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    camera.send({ kind: 'encoded', wanted: true });
    await camera.next('ended');
    const keyOnly = Number(
      execFileSync('ffprobe', [
        ...['-v', 'fatal', '-skip_frame', 'nokey', '-show_entries', 'frame=pkt_size'],
        ...['-of', 'csv=p=0', plain],
      ])
        .toString()
        .split('\n')
        .reduce((sum, line) => sum + Number.parseInt(line || '0', 10), 0),
    );
    expect(bytes).toBeGreaterThan(keyOnly * 1.2);
  });

  it('decode: all leaves out nothing of a stream with B-frames', async () => {
    const camera = await start(bFrames, {});
    const { frames } = await printAll(camera, picture(64, 64));
    expect(frames.map(({ sequence }) => sequence)).toEqual(frames.map((_, at) => at + 1));
    expect(frames).toHaveLength(FRAMES);
    expect(frames.at(-1)?.skipped).toBe(0);
  });
});
