// Real camera processes on real RTSP servers that are killed, frozen and taken away. The times that were seen are printed.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RtspCamera, startRtspCamera } from '../../src/cli/rtsp-camera.ts';
import type { CameraState } from '../../src/contracts/camera.ts';
import type { Frame } from '../../src/contracts/frame.ts';
import { WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { Arena } from '../../src/native/arena.ts';
import type { CameraPlan } from '../../src/pipeline/camera-plan.ts';
import { CameraSupervisor } from '../../src/pipeline/supervisor.ts';
import { hasVlc, startVlc } from './foreign-server.ts';

const root = path.resolve(import.meta.dirname, '../..');
const built = existsSync(path.join(root, 'build/native/vedette-rtsp-camera'));
if (!built) console.warn('supervisor: skipped, build/native/vedette-rtsp-camera is not built');

/** Debian's footage of a street, in a codec of 1998. */
const OLD_CLIP = '/usr/share/doc/opencv-doc/examples/data/vtest.avi';
const RATE = 25;
const ARENA_BYTES = 4 << 20;
let folder: string;
let clip: string;
let arena: Arena;
const cleanups: (() => unknown)[] = [];

function planFor(source: string, changes: Partial<CameraPlan> = {}): CameraPlan {
  return {
    ...{ camera: 'cam', source, transport: 'tcp', decoder: 'gstreamer', decode: 'all' },
    ...{ loop: true, realtime: true, maxWidthPx: 4096, maxHeightPx: 2304, heldFrames: 3 },
    ...{ arenaBytes: ARENA_BYTES, isEnabled: true, ...changes },
  };
}

/** A supervised camera and everything that was heard from it. */
class Watched {
  readonly frames: Frame[] = [];
  readonly supervisor: CameraSupervisor;

  constructor(source: string, changes: Partial<CameraPlan> = {}) {
    const plan = planFor(source, changes);
    const log = createLog('silent');
    this.supervisor = new CameraSupervisor({ plan, arena, clock: systemClock, log });
    this.supervisor.on('frame', (frame) => this.frames.push(frame));
    this.supervisor.start();
    cleanups.push(() => this.supervisor.stop());
  }

  get state(): CameraState {
    return this.supervisor.status().state;
  }

  /** Resolves with the milliseconds that it took. */
  until(state: CameraState): Promise<number> {
    return until(
      () => this.state === state,
      `${state}; ${JSON.stringify(this.supervisor.status())}`,
    );
  }

  async frameCount(count: number): Promise<void> {
    const wanted = this.frames.length + count;
    await until(() => this.frames.length >= wanted, `${count} frames`);
  }

  /**
   * From frame `from` on, in one session: `expected` by the stream's timeline, `lost` were never decoded, `untold` were
   * decoded while an older notice still waited to be read; they could have been printed.
   */
  lost(from: number): { expected: number; lost: number; untold: number } {
    const seen = this.frames.slice(from);
    const [first, last] = [seen[0] as Frame, seen.at(-1) as Frame];
    expect(last.session).toBe(first.session);
    const expected = Math.round(((last.ptsNs - first.ptsNs) * RATE) / 1e9) + 1;
    const decoded = last.sequence - first.sequence + 1;
    return { expected, lost: expected - decoded, untold: decoded - seen.length };
  }
}

async function until(holds: () => boolean, what: string, limitMs = 40_000): Promise<number> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > limitMs) throw new Error(`never ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - start;
}

async function serve(
  options: { port?: number; username?: string; password?: string } = {},
): Promise<RtspCamera> {
  const server = await startRtspCamera({ file: clip, path: 'cam', ...options });
  cleanups.push(() => server.stop());
  return server;
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function report(what: string, ms: number): void {
  console.info(`  ${what}: ${(ms / 1000).toFixed(2)} s`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'vedette-supervisor-'));
  chmodSync(folder, 0o755);
  clip = path.join(folder, 'clip.mp4');
  const picture = `testsrc2=size=640x360:rate=${RATE}:duration=4`;
  const encoder = ['-c:v', 'libx264', '-bf', '0', '-g', `${RATE}`, '-pix_fmt', 'yuv420p'];
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', picture, ...encoder, clip]);
  arena = Arena.create(ARENA_BYTES);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => {
  arena.close();
  rmSync(folder, { recursive: true });
});

describe.skipIf(!built)('a supervised camera', () => {
  it('loses its process to SIGKILL; the other camera does not notice', async () => {
    const [first, second] = [new Watched((await serve()).url), new Watched((await serve()).url)];
    await Promise.all([first.until('live'), second.until('live')]);
    await second.frameCount(4 * RATE);
    const before = second.lost(0);
    console.info(`  before: ${before.lost} of ${before.expected} lost, ${before.untold} untold`);
    const from = second.frames.length;
    for (let round = 0; round < 2; round++) {
      const pid = first.supervisor.pid as number;
      process.kill(pid, 'SIGKILL');
      await first.until('connecting');
      report('live again after SIGKILL', await first.until('live'));
      expect(first.supervisor.pid).not.toBe(pid);
      await first.frameCount(6 * RATE);
    }
    const { last_error } = second.supervisor.status();
    expect(second.supervisor.counts().sessions, last_error ?? '').toBe(1);
    const { expected, lost, untold } = second.lost(from);
    console.info(`  other camera: ${lost} of ${expected} frames lost, ${untold} untold`);
    expect(expected).toBeGreaterThan(3 * RATE);
    expect(lost).toBeLessThanOrEqual(expected / 100);
  });

  it('is stalled when its server freezes, and live when that goes on', async () => {
    const server = await serve();
    const camera = new Watched(server.url);
    await camera.until('live');
    await camera.frameCount(RATE);
    for (const frozenMs of [1000, 9000]) {
      server.kill('SIGSTOP');
      report('stalled after SIGSTOP', await camera.until('stalled'));
      await new Promise((resolve) => setTimeout(resolve, frozenMs));
      expect(camera.state).not.toBe('live');
      server.kill('SIGCONT');
      report('live after SIGCONT', await camera.until('live'));
      await camera.frameCount(RATE);
    }
    expect(camera.supervisor.counts().stalls).toBe(2);
  });

  it('finds its server when that comes back', async () => {
    let server = await serve();
    const camera = new Watched(server.url);
    await camera.until('live');
    for (const awayMs of [200, 12_000]) {
      server.kill('SIGKILL');
      await camera.until('connecting');
      await new Promise((resolve) => setTimeout(resolve, awayMs));
      server = await serve({ port: server.port });
      report(`live after ${awayMs} ms away`, await camera.until('live'));
      await camera.frameCount(5);
    }
  });

  it('waits for a server that was never there', async () => {
    const port = await freePort();
    const camera = new Watched(`rtsp://127.0.0.1:${port}/cam`);
    await until(() => camera.supervisor.counts().sessions >= 3, 'three attempts');
    expect(camera.state).toBe('connecting');
    await serve({ port });
    report('live after first appearance', await camera.until('live'));
  });

  it('takes its time from sender reports, prints, and hands out access units', async () => {
    const camera = new Watched((await serve()).url);
    const units: boolean[] = [];
    camera.supervisor.on('encoded', (unit) => units.push(unit.key));
    camera.supervisor.wantEncoded(true);
    await camera.until('live');
    await until(() => camera.frames.at(-1)?.captureClock === 'rtcp', 'the time of a sender report');
    const newest = camera.frames.at(-1) as Frame;
    expect(Math.abs(newest.captureMs - Date.now())).toBeLessThan(5000);
    const printed = await camera.supervisor.print({
      ...{ sequence: newest.sequence, rectangle: WHOLE_FRAME, offset: 0 },
      format: {
        ...({
          widthPx: 64,
          heightPx: 36,
          layout: 'interleaved',
          order: 'rgb',
          dtype: 'uint8',
        } as const),
        ...({ fit: 'stretch', pad: 0, mean: [0, 0, 0], scale: [1, 1, 1] } as const),
      },
    });
    expect(printed).toMatchObject({ bytes: 64 * 36 * 3, placement: { x: 0, y: 0, w: 64, h: 36 } });
    expect(new Set(arena.view(0, 64 * 36 * 3)).size).toBeGreaterThan(50);
    await until(() => units.length > RATE, 'access units');
    expect(units[0]).toBe(true);
  });

  it('is refused with the wrong password and live with the right one', async () => {
    const server = await serve({ username: 'guard', password: 'right' });
    const login = { username: 'guard', password: 'wrong' };
    const camera = new Watched(server.url, login);
    await camera.until('auth_failed');
    await camera.supervisor.apply(planFor(server.url, { ...login, password: 'right' }));
    await camera.until('live');
  });

  it('plays a file once and is then ended', async () => {
    const camera = new Watched(clip, { loop: false });
    await camera.until('ended');
    expect(camera.frames.at(-1)?.sequence).toBe(4 * RATE);
  });

  it('gives young pictures, with gaps, while its process gets too little of the machine', async () => {
    const file = path.join(folder, 'large.mp4');
    const picture = 'testsrc2=size=1920x1080:rate=60:duration=4';
    const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '60', '-pix_fmt', 'yuv420p'];
    execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', picture, ...encoder, file]);
    const server = await startRtspCamera({ file, path: 'cam' });
    cleanups.push(() => server.stop());
    const camera = new Watched(server.url);
    await camera.until('live');
    await camera.frameCount(120);
    const pid = camera.supervisor.pid as number;
    const from = camera.frames.length;
    for (let slice = 0; slice < 120; slice++) {
      process.kill(pid, 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 90));
      process.kill(pid, 'SIGCONT');
      await new Promise((resolve) => setTimeout(resolve, 8));
    }
    const agesMs = camera.frames.map(({ arrivedMs, ptsNs }) => arrivedMs - ptsNs / 1e6);
    const youngestMs = Math.min(...agesMs.slice(0, from));
    const oldestMs = Math.max(...agesMs.slice(from)) - youngestMs;
    const { skippedFrames, sessions } = camera.supervisor.counts();
    const shown = camera.frames.length - from;
    report(`${shown} pictures, ${skippedFrames} frames left out, oldest`, oldestMs);
    expect(sessions).toBe(1);
    expect(shown).toBeGreaterThan(20);
    expect(skippedFrames).toBeGreaterThan(60);
    expect(oldestMs).toBeLessThan(3000);
  });

  it.skipIf(!existsSync(OLD_CLIP))(
    'is decoded by FFmpeg when GStreamer has nothing for its codec, and says why',
    async () => {
      const camera = new Watched(OLD_CLIP, { mayUseFfmpeg: true });
      await camera.until('live');
      await camera.frameCount(5);
      const { decoder, decoder_fallback } = camera.supervisor.status();
      expect(decoder).toContain('ffmpeg');
      expect(decoder_fallback).toContain('cannot be decoded');
      expect(camera.supervisor.counts().sessions).toBe(2);
    },
  );

  it('leaves no process behind when it is stopped, whatever it was doing', async () => {
    const server = await serve();
    const live = new Watched(server.url);
    await live.until('live');
    const frozen = new Watched(server.url);
    await frozen.until('live');
    process.kill(frozen.supervisor.pid as number, 'SIGSTOP');
    const starting = new Watched(server.url);
    const pids = [live, frozen, starting].map(({ supervisor }) => supervisor.pid as number);
    const start = performance.now();
    await Promise.all([live, frozen, starting].map(({ supervisor }) => supervisor.stop()));
    report('all stopped', performance.now() - start);
    expect(pids.map(alive)).toEqual([false, false, false]);
  });

  it('ends when its agent is killed, live or not', async () => {
    const server = await serve();
    const script = path.join(root, 'test/fakes/one-camera-agent.ts');
    for (const wanted of ['live', 'connecting']) {
      if (wanted === 'connecting') server.kill('SIGSTOP');
      const agent = spawn(process.execPath, ['--import', 'tsx', script, server.url], {
        ...{ cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
      });
      let said = '';
      agent.stdout?.on('data', (text) => {
        said = String(text).trim().split('\n').at(-1) ?? '';
      });
      await until(() => said.startsWith(`${wanted} `) && !said.endsWith('undefined'), wanted);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const pid = Number(said.split(' ')[1]);
      expect(alive(pid)).toBe(true);
      agent.kill('SIGKILL');
      report(`${wanted} camera process gone`, await until(() => !alive(pid), 'gone'));
    }
  });
});

if (!hasVlc) console.warn('supervisor: skipped, there is no cvlc here');

describe.skipIf(!built || !hasVlc)('a supervised camera on a server that is not ours', () => {
  it('plays, stalls and comes back (VLC over UDP)', async () => {
    const port = await freePort();
    let vlc = startVlc(clip, port, folder);
    cleanups.push(() => vlc.kill('SIGKILL'));
    const camera = new Watched(`rtsp://127.0.0.1:${port}/cam`, { transport: 'udp' });
    await camera.until('live');
    const from = camera.frames.length;
    await camera.frameCount(4 * RATE);
    const { expected, lost } = camera.lost(from);
    console.info(`  VLC: ${lost} of ${expected} frames lost`);
    vlc.kill('SIGSTOP');
    report('stalled after SIGSTOP', await camera.until('stalled'));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    vlc.kill('SIGCONT');
    report('live after SIGCONT', await camera.until('live'));
    vlc.kill('SIGKILL');
    await until(() => camera.state !== 'live', 'away');
    vlc = startVlc(clip, port, folder);
    report('live after restart (with the start of VLC)', await camera.until('live'));
    expect(camera.supervisor.status().codec).toBe('h264');
  });
});
