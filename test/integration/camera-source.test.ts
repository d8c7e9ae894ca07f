// A camera process with RTSP servers, good and bad ones, and the ways in which it ends.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type RtspServer, startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { CameraOrder } from '../../src/contracts/ticket.ts';
import { type AccessUnit, RecordParser } from '../../src/pipeline/encoded-pipe.ts';
import { needsShared, shared } from '../shared.ts';
import { orderOf, type Said, TestCamera } from './camera-harness.ts';

const footage = (name: string): string => shared('media', name);
const folder = mkdtempSync(path.join(tmpdir(), 'vedette-source-'));
const open: TestCamera[] = [];
const servers: (RtspServer | Server)[] = [];

async function start(source: string, overrides: Partial<CameraOrder> = {}): Promise<TestCamera> {
  const camera = await TestCamera.open(orderOf(source, overrides));
  open.push(camera);
  return camera;
}

async function serve(...files: string[]): Promise<RtspServer> {
  const mounts = files.map((file, at) => ({ path: `cam${at}`, file: footage(file) }));
  const server = await startRtspServer({ mounts });
  servers.push(server);
  return server;
}

function ffmpeg(...options: string[]): Buffer {
  return execFileSync('ffmpeg', ['-v', 'fatal', ...options], { maxBuffer: 1 << 30 });
}

afterEach(async () => {
  for (const camera of open.splice(0)) camera.child.kill('SIGKILL');
  for (const server of servers.splice(0)) {
    if ('stop' in server) await server.stop();
    else server.close();
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(needsShared('camera-source'))('a camera process with RTSP', () => {
  it('decodes H.264 and H.265 and learns the time of capture from the camera', async () => {
    const { clips } = await serve('TestV4.mp4', 'bodypose.mp4');
    for (const [at, codec] of ['h264', 'h265'].entries()) {
      const camera = await start(clips[at]?.url ?? '', { realtime: true });
      let last: Said<'frame'> | undefined;
      for (;;) {
        const frame = await camera.next('frame');
        if (frame === undefined) throw new Error(JSON.stringify(camera.said.at(-1)));
        expect(frame.sequence).toBeGreaterThan(last?.sequence ?? 0);
        expect(frame.ptsNs).toBeGreaterThan(last?.ptsNs ?? -1);
        expect(Math.abs(frame.captureMs - Date.now())).toBeLessThan(5000);
        last = frame;
        if (frame.captureClock === 'rtcp') break;
      }
      expect(camera.all('stream')[0]).toMatchObject({ codec, widthPx: 1280, heightPx: 720 });
      expect(await camera.close()).toBe(0);
    }
  });

  it('does over UDP what it does over TCP', async () => {
    const { clips } = await serve('person-bicycle-car-detection-7sec.mp4');
    const camera = await start(clips[0]?.url ?? '', { transport: 'udp', realtime: true });
    for (let count = 0; count < 10; count++) expect(await camera.next('frame')).toBeDefined();
  });

  it('passes access units on while they are wanted, from a key frame on, on the timeline of the frames', async () => {
    const { clips } = await serve('pedestrian_survaillance.mp4');
    const camera = await start(clips[0]?.url ?? '', { realtime: true });
    const parser = new RecordParser();
    const units: AccessUnit[] = [];
    camera.encoded.on('data', (chunk: Buffer) => units.push(...parser.push(chunk)));
    for (let count = 0; count < 5; count++) await camera.next('frame');
    expect(units).toEqual([]);
    camera.send({ kind: 'encoded', wanted: true });
    while (units.length < 60) await camera.next('frame');
    camera.send({ kind: 'encoded', wanted: false });
    expect(units[0]).toMatchObject({ codec: 'h264', key: true, configChanged: true });
    const shown = new Set(camera.all('frame').map(({ ptsNs }) => Math.round((ptsNs * 9) / 1e5)));
    expect(units.slice(0, 50).filter(({ pts }) => shown.has(pts)).length).toBeGreaterThan(40);
    const stream = path.join(folder, 'units.h264');
    writeFileSync(stream, Buffer.concat(units.map(({ data }) => data)));
    const decoded = ffmpeg('-i', stream, '-f', 'framemd5', '-').toString();
    expect(decoded.split('\n').filter((line) => /^0,/.test(line)).length).toBe(units.length);
  });

  it('tells a wrong password from a dead address, and lets nobody see the password', async () => {
    const password = 'correct horse!"#$%&=@/:?';
    const server = await startRtspServer({
      mounts: [{ path: 'cam', file: footage('TestV4.mp4') }],
      username: 'watch',
      password,
    });
    servers.push(server);
    const url = `rtsp://127.0.0.1:${server.port}/cam`;
    const right = await start(url, { username: 'watch', password, realtime: true });
    expect(await right.next('frame')).toBeDefined();
    const visible =
      JSON.stringify(right.said) + readFileSync(`/proc/${right.child.pid}/cmdline`, 'utf8');
    expect(visible).not.toContain('correct horse');
    const wrong = await start(url, { username: 'watch', password: 'planted-secret' });
    expect(await wrong.next('ended')).toMatchObject({ end: 'auth_failed' });
    expect(JSON.stringify(wrong.said)).not.toContain('planted-secret');
    const anonymous = await start(url);
    expect(await anonymous.next('ended')).toMatchObject({ end: 'auth_failed' });
  });

  it('calls a camera unreachable that nobody answers for, and unsupported one that sends too large a picture', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const port = (closed.address() as { port: number }).port;
    await new Promise((resolve) => closed.close(resolve));
    const dead = await start(`rtsp://127.0.0.1:${port}/x`);
    expect(await dead.next('ended')).toMatchObject({ end: 'unreachable' });
    const { clips } = await serve('TestV4.mp4');
    const large = await start(clips[0]?.url ?? '', { maxHeightPx: 700 });
    expect(await large.next('ended')).toMatchObject({
      end: 'unsupported',
      cause: expect.stringContaining('4096x700'),
    });
    expect(large.all('frame')).toEqual([]);
  });

  it('ends by itself when the camera falls silent in the middle of a sentence', async () => {
    const silent = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    servers.push(silent);
    await new Promise((resolve) => silent.once('listening', resolve));
    const camera = await start(`rtsp://127.0.0.1:${(silent.address() as { port: number }).port}/x`);
    expect(await camera.next('ended')).toMatchObject({ end: 'unreachable' });
    expect(await camera.gone).toBe(0);
  });
});

describe.skipIf(needsShared('camera-source'))('the end of a camera process', () => {
  it.each([
    ['close', (camera: TestCamera) => camera.send({ kind: 'close' })],
    ['SIGTERM', (camera: TestCamera) => camera.child.kill('SIGTERM')],
    ['a vanished agent', (camera: TestCamera) => camera.child.disconnect()],
  ])('comes with %s, while frames flow and while it connects', async (_what, end) => {
    const live = await start(footage('TestV4.mp4'), { loop: true, realtime: true });
    await live.next('frame');
    end(live);
    expect(await live.gone).toBe(0);
    const waiting = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    servers.push(waiting);
    await new Promise((resolve) => waiting.once('listening', resolve));
    const { port } = waiting.address() as { port: number };
    const connecting = await start(`rtsp://127.0.0.1:${port}/x`);
    await new Promise((resolve) => waiting.once('connection', resolve));
    end(connecting);
    expect(await connecting.gone).toBe(0);
  });
});
