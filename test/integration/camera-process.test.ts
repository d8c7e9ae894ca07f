// A real camera process, forked as the agent does, on files; ffmpeg is the oracle for pixels and counts.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { CameraOrder, PrintFormat, Ticket } from '../../src/contracts/ticket.ts';
import { foldMs } from '../../src/pipeline/phases.ts';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { needsShared, shared } from '../shared.ts';
import {
  difference,
  orderOf,
  picture,
  printAll,
  RGB_320,
  type Said,
  TestCamera,
} from './camera-harness.ts';

const footage = (name: string): string => shared('media', name);
const folder = mkdtempSync(path.join(tmpdir(), 'vedette-camera-'));
const open: TestCamera[] = [];

async function start(source: string, overrides: Partial<CameraOrder> = {}): Promise<TestCamera> {
  const camera = await TestCamera.open(orderOf(source, overrides));
  open.push(camera);
  return camera;
}

function ffmpeg(...options: string[]): Buffer {
  return execFileSync('ffmpeg', ['-v', 'fatal', ...options], { maxBuffer: 1 << 30 });
}

function countFrames(file: string): number {
  const report = execFileSync('ffprobe', [
    ...['-v', 'fatal', '-count_frames', '-select_streams', 'v:0'],
    ...['-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0', footage(file)],
  ]);
  return Number(String(report).trim());
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN;
}

afterEach(() => {
  for (const camera of open.splice(0)) camera.child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(needsShared('camera-process'))('a camera process with a file', () => {
  it.each([
    ['TestV4.mp4', 'h264', 'bt709', 12],
    ['bodypose.mp4', 'h265', 'bt709', 40],
    ['test_jpeg_bt709.mp4', 'mjpeg', 'bt601', 1],
  ] as const)(
    'gives every frame of %s in order, as ffmpeg decodes them',
    async (file, codec, matrix, nth) => {
      const camera = await start(footage(file));
      const format = picture(160, 90);
      const { frames, pictures } = await printAll(camera, format);
      expect(frames.map(({ sequence }) => sequence)).toEqual(frames.map((_, at) => at + 1));
      expect(frames).toHaveLength(countFrames(file));
      for (const [at, frame] of frames.entries()) {
        expect(frame.ptsNs).toBeGreaterThan(frames[at - 1]?.ptsNs ?? -1);
      }
      expect(camera.all('stream')[0]).toMatchObject({ codec, pixelFormat: 'I420' });
      expect(camera.all('ended')[0]).toMatchObject({ end: 'end_of_stream' });

      const oracle = ffmpeg(
        ...['-i', footage(file), '-map', '0:v:0', '-fps_mode', 'passthrough'],
        ...[
          '-vf',
          `select='not(mod(n,${nth}))',scale=160:90:flags=area+accurate_rnd+full_chroma_int+full_chroma_inp:in_color_matrix=${matrix}`,
        ],
        ...['-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'],
      );
      const size = 160 * 90 * 3;
      const worst = pictures
        .filter((_, at) => at % nth === 0)
        .map((printed, at) => difference(printed, oracle.subarray(at * size, (at + 1) * size)));
      console.info(
        `${file}: ${frames.length} frames, worst mean difference ${Math.max(...worst).toFixed(2)}`,
      );
      expect(worst.length * size).toBe(oracle.length);
      expect(Math.max(...worst)).toBeLessThan(2);
    },
  );

  it('prints the frame that was asked for and no other', async () => {
    const camera = await start(footage('test_video.mp4'));
    const { pictures } = await printAll(camera, picture(640, 480));
    const oracle = ffmpeg(
      '-i',
      footage('test_video.mp4'),
      '-pix_fmt',
      'rgb24',
      '-f',
      'rawvideo',
      '-',
    );
    const size = 640 * 480 * 3;
    const nearest = pictures.map((printed) => {
      const distances = pictures.map((_, at) =>
        difference(printed, oracle.subarray(at * size, (at + 1) * size)),
      );
      return distances.indexOf(Math.min(...distances));
    });
    expect(nearest).toEqual(pictures.map((_, at) => at));
    expect(pictures).toHaveLength(10);
  });

  it('keeps the newest frames and those printed last, and refuses the rest', async () => {
    const camera = await start(footage('test_video.mp4'), { heldFrames: 2 });
    await camera.next('frame');
    await camera.print(1);
    // Frames 2 to 4 are waited for in vain, a second each.
    while ((await camera.next('frame'))?.sequence !== 4);
    const answers = await Promise.all([1, 2, 3, 4].map((sequence) => camera.print(sequence)));
    expect(answers).toMatchObject([
      { kind: 'printed' },
      { kind: 'refused', cause: 'frame_gone' },
      { kind: 'printed' },
      { kind: 'printed' },
    ]);
  });

  it('tells of as many frames as are wanted, from one moment to the next, and prints those between', async () => {
    const dancer = footage('bodypose.mp4');
    const camera = await start(dancer, { loop: true, realtime: true });
    const spacingsMs = async (everyMs: number): Promise<number[]> => {
      camera.send({ kind: 'notices', everyMs });
      const times: number[] = [];
      const limit = 15;
      while (times.length < limit) times.push(((await camera.next('frame'))?.ptsNs ?? 0) / 1e6);
      return times.slice(5).map((ms, at) => ms - (times[at + 4] ?? 0));
    };
    const all = await spacingsMs(0);
    const spacingMs = quantile(all, 0.5);
    expect(spacingMs).toBeLessThan(50);
    for (const ms of await spacingsMs(200)) expect(Math.abs(ms - 200)).toBeLessThan(spacingMs);
    const told = camera.all('frame').at(-1)!;
    expect(await camera.print(told.sequence)).not.toHaveProperty('newer');
    await new Promise((resolve) => setTimeout(resolve, 4 * spacingMs));
    const answer = await camera.print(told.sequence, { orNewer: true });
    if (answer.kind !== 'printed') throw new Error(answer.cause);
    const { sequence, ptsNs } = answer.newer!;
    expect(sequence).toBeGreaterThan(told.sequence);
    expect((ptsNs - told.ptsNs) / 1e6 / (sequence - told.sequence)).toBeCloseTo(spacingMs, 0);
    expect(quantile(await spacingsMs(0), 0.5)).toBeCloseTo(spacingMs, 0);
  });

  it('tells of the frames that the scheduler wants, apart from those of another camera', async () => {
    const dancer = footage('bodypose.mp4');
    const cameras = new Map<string, TestCamera>();
    const scheduler = new Scheduler((name, atMs) =>
      cameras.get(name)?.send({ kind: 'notices', everyMs: 200, atMs }),
    );
    const watch = async (name: string): Promise<{ arrivedMs: number; isTaken: boolean }[]> => {
      scheduler.setCamera(name, { fps: 5, idleFps: 5, minFps: 1, priority: 1 });
      const camera = await start(dancer, { loop: true, realtime: true });
      cameras.set(name, camera);
      camera.send({ kind: 'notices', everyMs: 200 });
      const told: { arrivedMs: number; isTaken: boolean }[] = [];
      let last = 0;
      while (told.length < 40) {
        const notice = (await camera.next('frame'))!;
        const arrivedMs = performance.now();
        const untold = notice.sequence - last - 1;
        last = notice.sequence;
        scheduler.offer({ ...notice, ...{ camera: name, session: name, arrivedMs, untold } });
        told.push({ arrivedMs, isTaken: scheduler.take(arrivedMs) !== undefined });
      }
      return told;
    };
    const both = await Promise.all([watch('a'), watch('b')]);
    for (const told of both) {
      expect(told.slice(2).filter(({ isTaken }) => !isTaken)).toHaveLength(0);
      const spanMs = told.at(-1)!.arrivedMs - told.at(-21)!.arrivedMs;
      expect(Math.abs(spanMs - 20 * 200)).toBeLessThan(150);
    }
    const [a, b] = both.map((told) => told.slice(-20).map(({ arrivedMs }) => arrivedMs));
    const apartMs = a!.map((ms, at) => Math.abs(foldMs(ms - b![at]!, 200)));
    expect(quantile(apartMs, 0.5)).toBeGreaterThan(50);
  });

  it('tells of every frame of a file that waits for its reader', async () => {
    const camera = await start(footage('test_video.mp4'));
    camera.send({ kind: 'notices', everyMs: 1000 });
    const { frames } = await printAll(camera, RGB_320);
    expect(frames.map(({ sequence }) => sequence)).toEqual(frames.map((_, at) => at + 1));
    expect(frames).toHaveLength(countFrames('test_video.mp4'));
  });

  it('decodes in software when the chosen decoder is not there, and says so', async () => {
    const camera = await start(footage('test_h264_bt709_ipb.mp4'), {
      decoders: { h264: 'nosuch264dec' },
    });
    expect(await camera.next('stream')).toMatchObject({ decoder: 'vedetteh264dec' });
    expect(camera.all('log').filter(({ level }) => level === 'warn')).toMatchObject([
      { fields: { codec: 'h264', element: 'nosuch264dec' } },
    ]);
  });

  it('plays a looped file on and on, sequence and pts rising', async () => {
    const camera = await start(footage('test_video.mp4'), { loop: true });
    const frames: Said<'frame'>[] = [];
    while (frames.length < 35) {
      const frame = await camera.next('frame');
      if (frame === undefined) throw new Error(JSON.stringify(camera.said.at(-1)));
      await camera.print(frame.sequence);
      frames.push(frame);
    }
    expect(frames.map(({ sequence }) => sequence)).toEqual(frames.map((_, at) => at + 1));
    for (let at = 1; at < frames.length; at++) {
      const stepMs = ((frames[at]?.ptsNs ?? 0) - (frames[at - 1]?.ptsNs ?? 0)) / 1e6;
      expect(stepMs).toBeCloseTo(1000 / 30, 0);
    }
    expect(await camera.close()).toBe(0);
  });

  it('is refused where no decoder is meant for it, or the picture is larger than allowed', async () => {
    const theora = path.join(folder, 'clip.ogv');
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=duration=1', '-c:v', 'libtheora', '-y', theora);
    const odd = await start(theora);
    expect(await odd.next('ended')).toMatchObject({
      end: 'unsupported',
      cause: expect.stringContaining('video/x-theora'),
    });
    const large = await start(footage('TestV4.mp4'), { maxWidthPx: 1279 });
    expect(await large.next('ended')).toMatchObject({
      end: 'unsupported',
      cause: expect.stringContaining('width=(int)1280'),
    });
    expect(large.all('frame')).toEqual([]);
    const absent = await start(path.join(folder, 'nothing.mp4'));
    expect(await absent.next('ended')).toMatchObject({
      cause: expect.stringContaining('No such file'),
    });
  });

  it.each([
    ['h264', 'libx264'],
    ['hevc', 'libx265'],
  ])('sees through a large %s picture that is cropped to a small one', async (codec, encoder) => {
    const file = path.join(folder, `cropped.${codec}`);
    ffmpeg(
      ...['-f', 'lavfi', '-i', 'testsrc2=size=640x480:rate=10:duration=1', '-c:v', encoder],
      ...['-bsf:v', `${codec}_metadata=crop_right=576:crop_bottom=416`, '-y', file],
    );
    const camera = await start(file, { maxWidthPx: 320, maxHeightPx: 240 });
    expect(await camera.next('ended')).toMatchObject({
      end: 'unsupported',
      cause: 'the coded picture of 640x480 is larger than 320x240',
    });
    expect(camera.all('frame')).toEqual([]);
  });

  it('follows a stream that changes its size', async () => {
    const part = (size: string): string => {
      const file = path.join(folder, `${size}.h264`);
      const source = `testsrc2=size=${size}:rate=10:duration=1`;
      ffmpeg('-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-y', file);
      return file;
    };
    const parts = ['640x360', '320x240', '640x360'].map((size) => readFileSync(part(size)));
    const file = path.join(folder, 'changing.h264');
    writeFileSync(file, Buffer.concat(parts));
    const camera = await start(file);
    const { frames } = await printAll(camera, picture(64, 64));
    expect(frames.map(({ widthPx }) => widthPx)).toEqual([
      ...Array(10).fill(640),
      ...Array(10).fill(320),
      ...Array(10).fill(640),
    ]);
    expect(camera.all('stream').map(({ heightPx }) => heightPx)).toEqual([360, 240, 360]);
  });

  it('goes on through a damaged stream', async () => {
    const clean = path.join(folder, 'clean.h264');
    const source = 'testsrc2=size=320x240:rate=10:duration=4';
    ffmpeg('-f', 'lavfi', '-i', source, '-c:v', 'libx264', '-g', '10', '-y', clean);
    const bytes = readFileSync(clean);
    for (let at = 3000; at < bytes.length; at += 1501) bytes[at] = (at * 7) % 256;
    const damaged = path.join(folder, 'damaged.h264');
    writeFileSync(damaged, bytes);
    const camera = await start(damaged);
    const { frames } = await printAll(camera, picture(64, 64));
    expect(frames.length).toBeGreaterThan(30);
    expect(await camera.gone).toBe(0);
    expect(camera.all('ended')).toMatchObject([{ end: 'end_of_stream' }]);
  });

  it('survives tickets that nobody should send, and writes nothing for them', async () => {
    const camera = await start(footage('test_video.mp4'), { arenaBytes: 1 << 20 });
    const frame = await camera.next('frame');
    const sequence = frame?.sequence ?? 0;
    camera.arena.memory.fill(0x5a);
    const hostile: Partial<Ticket>[] = [
      { offset: 1 },
      { offset: -64 },
      { offset: (1 << 20) - 64 },
      { offset: 2 ** 53 },
      { offset: Number.NaN },
      { rectangle: [0, 0, Number.NaN, 1] },
      { rectangle: [0, 0, 0, 0] },
      { rectangle: [0.5, 0.5, -1, 1] },
      { rectangle: [1e300, 0, 1, 1] },
      { format: { ...RGB_320, widthPx: 1e9 } },
      { format: { ...RGB_320, widthPx: 0 } },
      { format: { ...RGB_320, layout: 'tiled' as 'planar' } },
      { format: { ...RGB_320, mean: [] as unknown as PrintFormat['mean'] } },
      { format: undefined as unknown as PrintFormat },
      { rectangle: 'all' as unknown as Ticket['rectangle'] },
    ];
    for (const ticket of hostile) {
      expect([ticket, await camera.print(sequence, ticket)]).toMatchObject([
        ticket,
        { kind: 'refused', cause: 'bad_ticket' },
      ]);
    }
    expect(camera.arena.memory.every((byte) => byte === 0x5a)).toBe(true);
    expect(await camera.print(sequence)).toMatchObject({ kind: 'printed' });
  });

  it('answers a thousand tickets without growing', async () => {
    const camera = await start(footage('TestV4.mp4'), { loop: true, realtime: true });
    const roundTrips: number[] = [];
    const rss: number[] = [];
    for (let count = 0; count < 1200; count++) {
      const frame = camera.all('frame').at(-1) ?? (await camera.next('frame'));
      const sentMs = performance.now();
      const answer = await camera.print(frame?.sequence ?? 0);
      if (answer.kind === 'printed' && count >= 200) roundTrips.push(performance.now() - sentMs);
      if (count % 100 === 99) rss.push(camera.rssBytes());
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const grown = ((rss.at(-1) ?? 0) - (rss[2] ?? 0)) / 2 ** 20;
    console.info(
      `ticket round trip at 1280x720: p50 ${quantile(roundTrips, 0.5).toFixed(2)} ms, ` +
        `p99 ${quantile(roundTrips, 0.99).toFixed(2)} ms, ${roundTrips.length} tickets; RSS ${grown.toFixed(1)} MiB`,
    );
    expect(roundTrips.length).toBeGreaterThan(900);
    expect(grown).toBeLessThan(16);
  });
});
