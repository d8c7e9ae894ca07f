// `vedette camera` against ffmpeg as the viewer: the same pictures, seamless loops, passwords, clear refusals.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { cameraCommand } from '../../src/cli/camera.ts';
import {
  type RtspServer,
  type RtspServerOptions,
  startRtspCamera,
  startRtspServer,
} from '../../src/cli/rtsp-camera.ts';
import { isCode } from '../../src/core/errors.ts';

const exec = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const built = existsSync(path.join(root, 'build/native/vedette-rtsp-camera'));
if (!built) console.warn('rtsp-camera: skipped, build/native/vedette-rtsp-camera is not built');

const RATE = 12;
const FRAMES = 30;
let folder: string;
let servers: RtspServer[] = [];

/** A small moving test picture, two key frames, in whatever codec ffmpeg is told. */
async function makeClip(name: string, ...codec: string[]): Promise<string> {
  const file = path.join(folder, name);
  const picture = `testsrc2=size=320x240:rate=${RATE}:duration=${FRAMES / RATE}`;
  await exec('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', picture, ...codec, file]);
  return file;
}

async function serve(options: RtspServerOptions): Promise<RtspServer> {
  const server = await startRtspServer(options);
  servers.push(server);
  return server;
}

/** MD5 of every decoded picture, in order. */
async function pictures(input: string, ...options: string[]): Promise<string[]> {
  const transport = input.startsWith('rtsp:') ? ['-rtsp_transport', 'tcp'] : [];
  const { stdout } = await exec('ffmpeg', [
    ...['-v', 'error', ...transport, '-i', input, '-fps_mode', 'passthrough', ...options],
    ...['-f', 'framemd5', '-'],
  ]);
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.split(',').at(-1)?.trim() ?? '');
}

/** Presentation times in seconds of the first `count` packets. */
async function packetTimes(url: string, count: number, transport = 'tcp'): Promise<number[]> {
  const { stdout } = await exec('ffprobe', [
    ...['-v', 'error', '-rtsp_transport', transport, '-read_intervals', `%+#${count}`],
    ...['-show_entries', 'packet=pts_time', '-of', 'json', url],
  ]);
  const { packets } = JSON.parse(stdout) as { packets: { pts_time?: string }[] };
  return packets.map((packet) => Number(packet.pts_time ?? 0));
}

/** Mean structural similarity of two inputs, 0..1. */
async function similarity(url: string, file: string): Promise<number> {
  const { stderr } = await exec('ffmpeg', [
    ...['-rtsp_transport', 'tcp', '-i', url, '-i', file],
    ...[
      '-lavfi',
      '[0]settb=1/10,setpts=N[a];[1]settb=1/10,setpts=N[b];[a][b]ssim',
      '-f',
      'null',
      '-',
    ],
  ]);
  return Number(/All:([\d.]+)/.exec(stderr)?.[1]);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1200 && !holds(); tries++)
    await new Promise((r) => setTimeout(r, 50));
  expect(holds()).toBe(true);
}

describe.skipIf(!built)('vedette-rtsp-camera', () => {
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'vedette-rtsp-camera-'));
  });
  afterEach(async () => {
    for (const server of servers) await server.stop();
    servers = [];
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['H.264', 'h264.mp4', ['-c:v', 'libx264', '-bf', '0', '-g', '15', '-pix_fmt', 'yuv420p']],
    [
      'H.264 with B frames',
      'b.mp4',
      ['-c:v', 'libx264', '-bf', '2', '-g', '15', '-pix_fmt', 'yuv420p'],
    ],
    [
      'H.265',
      'h265.mkv',
      [
        '-c:v',
        'libx265',
        '-x265-params',
        'log-level=error:bframes=0:keyint=15',
        '-pix_fmt',
        'yuv420p',
      ],
    ],
  ])('sends every picture of %s unchanged', async (_, name, codec) => {
    const file = await makeClip(name, ...codec);
    const server = await serve({ mounts: [{ path: 'cam', file }], loop: false });
    expect(server.clips[0]).toMatchObject({ frames: FRAMES, transcoded: false });
    expect(server.clips[0]?.fps).toBeCloseTo(RATE, 1);
    expect(await pictures(server.clips[0]!.url)).toEqual(await pictures(file));
  });

  it.each([
    ['h264', 'old.avi', ['-c:v', 'msmpeg4', '-q:v', '2']],
    ['mjpeg', 'mjpeg.avi', ['-c:v', 'mjpeg', '-q:v', '2', '-pix_fmt', 'yuvj420p']],
  ])('encodes to %s, once, what RTP cannot carry', async (codec, name, encoder) => {
    const file = await makeClip(name, ...encoder);
    const server = await serve({ mounts: [{ path: 'cam', file }], loop: false });
    expect(server.clips[0]).toMatchObject({ frames: FRAMES, transcoded: true });
    const url = server.clips[0]!.url;
    const probe = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', url];
    expect((await exec('ffprobe', probe)).stdout.trim()).toBe(codec);
    expect(await pictures(url)).toHaveLength(FRAMES);
    expect(await similarity(url, file)).toBeGreaterThan(0.93);
  });

  it('loops without a gap and without going back', async () => {
    const file = await makeClip('loop.mp4', '-c:v', 'libx264', '-bf', '0', '-pix_fmt', 'yuv420p');
    const server = await serve({ mounts: [{ path: 'cam', file }] });
    for (const transport of ['tcp', 'udp']) {
      const times = await packetTimes(server.clips[0]!.url, 2 * FRAMES + 10, transport);
      const gaps = times.slice(2).map((time, at) => time - (times[at + 1] as number));
      expect(gaps.length).toBeGreaterThan(2 * FRAMES);
      for (const gap of gaps) expect(gap).toBeCloseTo(1 / RATE, 2);
    }
    const once = await pictures(file);
    expect(await pictures(server.clips[0]!.url, '-frames:v', `${2 * FRAMES}`)).toEqual([
      ...once,
      ...once,
    ]);
  });

  it('plays at another rate when told', async () => {
    const file = await makeClip('slow.mp4', '-c:v', 'libx264', '-bf', '2', '-pix_fmt', 'yuv420p');
    const server = await serve({ mounts: [{ path: 'cam', file }], fps: 40 });
    const times = (await packetTimes(server.clips[0]!.url, 40)).slice(1).sort((a, b) => a - b);
    expect((times.at(-1)! - times[0]!) / (times.length - 1)).toBeCloseTo(1 / 40, 3);
  });

  it('asks for the password it was given', async () => {
    const file = await makeClip('lock.mp4', '-c:v', 'libx264', '-pix_fmt', 'yuv420p');
    const camera = await startRtspCamera({
      file,
      path: 'cam',
      username: 'guard',
      password: 'se:cr/et',
    });
    servers.push(camera);
    await expect(packetTimes(camera.url, 3)).rejects.toThrow('401');
    const as = (login: string): string => camera.url.replace('//', `//${login}@`);
    await expect(packetTimes(as('guard:wrong'), 3)).rejects.toThrow('401');
    expect(await packetTimes(as('guard:se%3Acr%2Fet'), 3)).toHaveLength(3);
    const { stdout } = await exec('ps', ['-o', 'args=', '-p', String(camera.pid)]);
    expect(stdout).not.toContain('se:cr');
  });

  it('serves several files, each to several viewers', async () => {
    const file = await makeClip('many.mp4', '-c:v', 'libx264', '-g', '5', '-pix_fmt', 'yuv420p');
    const server = await serve({
      mounts: [
        { path: 'a', file },
        { path: 'b/main', file },
      ],
    });
    expect(server.clips.map((clip) => new URL(clip.url).pathname)).toEqual(['/a', '/b/main']);
    const viewers = server.clips.flatMap(({ url }) => [packetTimes(url, 20), packetTimes(url, 20)]);
    for (const times of await Promise.all(viewers)) expect(times).toHaveLength(20);
  });

  it('says what is wrong with a file or a port', async () => {
    const text = path.join(root, 'package.json');
    await expect(serve({ mounts: [{ path: 'cam', file: text }] })).rejects.toThrow(/package\.json/);
    const file = await makeClip('port.mp4', '-c:v', 'libx264', '-pix_fmt', 'yuv420p');
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    await expect(serve({ mounts: [{ path: 'cam', file }], port })).rejects.toThrow(`:${port}`);
    taken.close();
  });

  it('ends with the process that started it', async () => {
    const file = await makeClip('orphan.mp4', '-c:v', 'libx264', '-pix_fmt', 'yuv420p');
    const module = path.join(root, 'src/cli/rtsp-camera.ts');
    const script = `const { startRtspCamera } = await import(${JSON.stringify(module)});
      console.log((await startRtspCamera({ file: ${JSON.stringify(file)}, path: 'cam' })).pid);`;
    const parent = spawn(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '-e', script],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once('data', (t) => resolve(+t)),
    );
    expect(alive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !alive(pid));
  });
});

describe('vedette camera', () => {
  it.each([
    [[], /at least one/],
    [['/no/such/file.mp4'], /no file/],
    [[text(), '--port', '70000'], /--port/],
    [[text(), '--path', 'a b'], /--path/],
    [[text(), text(), '--path', 'a'], /as many/],
    [[text(), '--user', 'u'], /--password/],
    [[text(), '--frobnicate'], /frobnicate/],
  ])('refuses %j', async (args, problem) => {
    const error = await cameraCommand(args).catch((thrown: unknown) => thrown);
    expect(isCode(error, 'USAGE')).toBe(true);
    expect(String(error)).toMatch(problem);
  });
});

function text(): string {
  return path.join(root, 'package.json');
}
