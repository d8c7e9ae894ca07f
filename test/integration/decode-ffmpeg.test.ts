// A camera process that decodes with FFmpeg: the same contract, the same pictures, and nothing left behind.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type RtspServer, startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { CameraOrder } from '../../src/contracts/ticket.ts';
import { needsShared, shared } from '../shared.ts';
import { difference, orderOf, picture, printAll, TestCamera } from './camera-harness.ts';

const open: TestCamera[] = [];
const servers: RtspServer[] = [];

async function start(source: string, overrides: Partial<CameraOrder> = {}): Promise<TestCamera> {
  const camera = await TestCamera.open(orderOf(source, { decoder: 'ffmpeg', ...overrides }));
  open.push(camera);
  return camera;
}

async function serve(username = '', password = ''): Promise<string> {
  const mounts = [{ path: 'cam', file: shared('media', 'TestV4.mp4') }];
  const server = await startRtspServer({ mounts, username, password });
  servers.push(server);
  return `rtsp://127.0.0.1:${server.port}/cam`;
}

function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

afterEach(async () => {
  for (const camera of open.splice(0)) camera.child.kill('SIGKILL');
  for (const server of servers.splice(0)) await server.stop();
});

describe.skipIf(needsShared('decode-ffmpeg'))('a camera process with FFmpeg', () => {
  it('gives every frame of a file in order, with the pixels of its own decoder', async () => {
    const file = shared('media', 'TestV4.mp4');
    const camera = await start(file);
    const { frames, pictures } = await printAll(camera, picture(160, 90));
    expect(frames.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 151 }, (_, at) => at + 1),
    );
    for (let at = 1; at < frames.length; at++) {
      const stepMs = ((frames[at]?.ptsNs ?? 0) - (frames[at - 1]?.ptsNs ?? 0)) / 1e6;
      expect(stepMs).toBeGreaterThan(30);
      expect((frames[at]?.captureMs ?? 0) - (frames[at - 1]?.captureMs ?? 0)).toBeCloseTo(
        stepMs,
        3,
      );
    }
    expect(camera.all('stream')).toMatchObject([
      { codec: 'h264', decoder: 'ffmpeg h264', widthPx: 1280 },
    ]);
    const oracle = execFileSync(
      'ffmpeg',
      [
        ...['-v', 'fatal', '-i', file, '-fps_mode', 'passthrough', '-vf'],
        'scale=160:90:flags=area+accurate_rnd+full_chroma_int+full_chroma_inp:in_color_matrix=bt709',
        ...['-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'],
      ],
      { maxBuffer: 1 << 28 },
    );
    const size = 160 * 90 * 3;
    const worst = Math.max(
      ...pictures.map((printed, at) =>
        difference(printed, oracle.subarray(at * size, (at + 1) * size)),
      ),
    );
    console.info(
      `FFmpeg, TestV4.mp4: ${frames.length} frames, worst mean difference ${worst.toFixed(2)}`,
    );
    expect(worst).toBeLessThan(2);
  });

  it('plays a looped file on and on', async () => {
    const camera = await start(shared('media', 'test_video.mp4'), { loop: true });
    let lastPtsNs = -1;
    for (let sequence = 1; sequence <= 25; sequence++) {
      const frame = await camera.next('frame');
      expect(frame?.sequence).toBe(sequence);
      expect(frame?.ptsNs).toBeGreaterThan(lastPtsNs);
      lastPtsNs = frame?.ptsNs ?? 0;
      await camera.print(sequence);
    }
    expect(await camera.close()).toBe(0);
  });

  it('opens RTSP with a password that no process list shows, and ends its FFmpeg with itself', async () => {
    const password = `it's a "planted" secret/@:%`;
    const url = await serve('watch', password);
    const camera = await start(url, { username: 'watch', password, realtime: true });
    for (let count = 0; count < 20; count++) {
      const frame = await camera.next('frame');
      if (frame === undefined) throw new Error(JSON.stringify(camera.said));
      expect(await camera.print(frame.sequence)).toMatchObject({ kind: 'printed' });
    }
    const pids = childrenOf(camera.child.pid);
    expect(pids).toHaveLength(1);
    const visible = [camera.child.pid, ...pids].map((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
    );
    expect(visible.join() + JSON.stringify(camera.said)).not.toMatch(/planted|secret/);
    camera.child.kill('SIGKILL');
    await camera.gone;
    for (let tries = 0; tries < 600 && pids.some(isRunning); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it.each(['close', 'SIGTERM', 'disconnect'])('stops FFmpeg on %s', async (way) => {
    const camera = await start(shared('media', 'TestV4.mp4'), { loop: true, realtime: true });
    await camera.next('frame');
    const pids = childrenOf(camera.child.pid);
    expect(pids).toHaveLength(1);
    if (way === 'close') camera.send({ kind: 'close' });
    else if (way === 'SIGTERM') camera.child.kill('SIGTERM');
    else camera.child.disconnect();
    expect(await camera.gone).toBe(0);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it('says what is wrong with a camera', async () => {
    const url = await serve('watch', 'right');
    const wrong = await start(url, { username: 'watch', password: 'wrong' });
    expect(await wrong.next('ended')).toMatchObject({ end: 'auth_failed' });
    const closed = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => closed.once('listening', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const dead = await start(`rtsp://127.0.0.1:${port}/x`);
    expect(await dead.next('ended')).toMatchObject({ end: 'unreachable' });
    const large = await start(shared('media', 'TestV4.mp4'), { maxWidthPx: 640, maxHeightPx: 480 });
    expect(await large.next('ended')).toMatchObject({ end: 'unsupported' });
    const absent = await start('/nowhere/clip.mp4');
    expect(await absent.next('ended')).toMatchObject({
      end: 'failed',
      cause: expect.stringContaining('No such file'),
    });
  });
});
