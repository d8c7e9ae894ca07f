// The supervisor with a camera process that misbehaves on demand. Processes are real, time is not.
import { openSync } from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CameraStatus } from '../../src/contracts/camera.ts';
import type { Frame } from '../../src/contracts/frame.ts';
import { WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import type { CameraOrder, PrintFormat } from '../../src/contracts/ticket.ts';
import { createLog } from '../../src/core/log.ts';
import type { CameraPlan } from '../../src/pipeline/camera-plan.ts';
import type { AccessUnit } from '../../src/pipeline/encoded-pipe.ts';
import { CameraSupervisor, type SupervisorOptions } from '../../src/pipeline/supervisor.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

const entry = path.resolve(import.meta.dirname, '../fakes/camera-child.ts');
const FORMAT: PrintFormat = {
  ...({ widthPx: 32, heightPx: 32, layout: 'planar', order: 'rgb' } as const),
  ...({ dtype: 'uint8', fit: 'corner', pad: 114, mean: [0, 0, 0], scale: [1, 1, 1] } as const),
};

let arena: { fd: number };
let clock: FakeClock;
let logged: Record<string, unknown>[];
let supervisor: CameraSupervisor;
let statuses: CameraStatus[];
let frames: Frame[];

function plan(behaviour: string, changes: Partial<CameraPlan> = {}): CameraPlan {
  return {
    camera: 'yard',
    source: `rtsp://fake/${behaviour}`,
    transport: 'tcp',
    decoder: 'gstreamer',
    decode: 'all',
    loop: false,
    realtime: true,
    maxWidthPx: 4096,
    maxHeightPx: 2304,
    heldFrames: 3,
    arenaBytes: 4096,
    isEnabled: true,
    ...changes,
  };
}

function supervise(first: CameraPlan, options: Partial<SupervisorOptions> = {}): CameraSupervisor {
  const sink = new Writable({
    write(line, _encoding, done) {
      logged.push(JSON.parse(String(line)));
      done();
    },
  });
  supervisor = new CameraSupervisor({
    ...{ plan: first, arena, clock, entry, log: createLog('debug', sink) },
    knock: () => Promise.resolve(true),
    ...options,
  });
  supervisor.on('status', (status) => statuses.push(status));
  supervisor.on('frame', (frame) => frames.push(frame));
  supervisor.start();
  return supervisor;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 6000 && !holds(); tries++)
    await new Promise((r) => setTimeout(r, 10));
  expect(holds(), what).toBe(true);
}

function untilState(state: CameraStatus['state']): Promise<void> {
  return until(
    () => supervisor.status().state === state,
    `${state}, not ${supervisor.status().state}`,
  );
}

/** The session is over and its process is gone. */
function untilGone(): Promise<void> {
  return until(() => supervisor.pid === undefined, 'no process left');
}

function alive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function ticket(offset: number): Parameters<CameraSupervisor['print']>[0] {
  return { sequence: 1, rectangle: WHOLE_FRAME, format: FORMAT, offset };
}

beforeAll(() => {
  arena = { fd: openSync('/dev/null', 'r+') };
});
beforeEach(() => {
  clock = new FakeClock();
  logged = [];
  statuses = [];
  frames = [];
});
afterEach(async () => {
  const stopped = supervisor.stop();
  clock.advance(500);
  clock.advance(2000);
  await stopped;
});

describe('a healthy camera', () => {
  it('connects, is live, and delivers frames under its own name', async () => {
    supervise(plan('steady'));
    expect(supervisor.status().state).toBe('connecting');
    await untilState('live');
    await until(() => frames.length > 10, 'frames');
    expect(frames.map((frame) => frame.sequence).slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(frames.map((frame) => frame.session)).size).toBe(1);
    expect(frames[0]).toMatchObject({
      camera: 'yard',
      arrivedMs: clock.monotonicMs(),
      motion: 0.5,
    });
    expect(supervisor.status()).toMatchObject({
      ...{ codec: 'h264', decoder: 'fake', frame_size: [640, 360], reconnects_1h: 0 },
      decoder_fallback: null,
      skipped_frames: 0,
      last_error: null,
    });
  });

  it('says so every ten seconds', async () => {
    supervise(plan('steady'));
    await untilState('live');
    statuses = [];
    for (let second = 0; second < 31; second++) {
      clock.advance(1000);
      const seen = frames.length;
      await until(() => frames.length > seen, 'a frame per second');
    }
    expect(statuses.map((status) => status.state)).toEqual(['live', 'live', 'live']);
  });

  it('answers tickets', async () => {
    supervise(plan('steady'));
    await untilState('live');
    const results = await Promise.all([64, 128].map((offset) => supervisor.print(ticket(offset))));
    expect(results).toMatchObject([{ placement: { x: 0 } }, { placement: { x: 64 } }]);
  });

  it('hands out access units in whole', async () => {
    supervise(plan('steady'));
    const units: AccessUnit[] = [];
    supervisor.on('encoded', (unit) => units.push(unit));
    supervisor.wantEncoded(true);
    await until(() => units.length === 2, 'two units');
    expect(units.map((unit) => [unit.key, unit.data.length])).toEqual([
      [true, 4],
      [false, 4],
    ]);
  });

  it('is live by what it sends where nothing is decoded, and stalls without', async () => {
    supervise(plan('units', { decode: 'none' }));
    supervisor.wantEncoded(true);
    await untilState('live');
    await until(() => supervisor.counts().frames > 5, 'access units');
    expect(frames).toEqual([]);
    expect(supervisor.status()).toMatchObject({ codec: 'h264', frame_size: [640, 360] });
    process.kill(supervisor.pid ?? 0, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (let i = 0; i < 13; i++) clock.advance(250);
    expect(supervisor.status().state).toBe('stalled');
    clock.advance(500);
    clock.advance(2000);
    await untilGone();
  });

  it('counts the frames that it does not want to hear of, in every session', async () => {
    supervise(plan('steady'));
    supervisor.wantFps(5);
    await until(() => frames.length > 5, 'frames at 5 fps');
    expect(frames.slice(0, 3).map(({ sequence, untold }) => [sequence, untold])).toEqual([
      ...[[5, 4] as const, [10, 4] as const, [15, 4] as const],
    ]);
    supervisor.wantFps(25);
    await until(() => frames.at(-1)?.untold === undefined, 'every frame');
    expect(supervisor.counts()).toMatchObject({ sessions: 1, frames: frames.at(-1)?.sequence });
    supervisor.wantFps(5);
    process.kill(supervisor.pid ?? 0, 'SIGKILL');
    await untilGone();
    const seen = frames.length;
    for (let i = 0; i < 8 && supervisor.pid === undefined; i++) clock.advance(250);
    await until(() => frames.length > seen, 'the next session');
    expect(frames[seen]).toMatchObject({ sequence: 5, untold: 4 });
  });

  it('does not mind the wall clock jumping', async () => {
    supervise(plan('steady'));
    await untilState('live');
    for (const jump of [3_600_000, -86_400_000]) {
      clock.jumpWall(jump);
      clock.advance(1000);
    }
    expect(supervisor.status().state).toBe('live');
    expect(supervisor.counts()).toMatchObject({ sessions: 1, stalls: 0 });
  });
});

describe('a camera that falls silent', () => {
  it('is stalled after three seconds, then tried again', async () => {
    supervise(plan('three'));
    await until(() => frames.length === 3, 'three frames');
    const { pid } = supervisor;
    clock.advance(2900);
    expect(supervisor.status().state).toBe('live');
    clock.advance(350);
    expect(supervisor.status()).toMatchObject({ state: 'stalled', fps: 0 });
    expect(supervisor.status().last_error).toMatch(/no frame for 3\.\d s/);
    await untilGone();
    expect(alive(pid)).toBe(false);
    expect(supervisor.status().state).toBe('stalled');
    clock.advance(1200);
    expect(supervisor.status().state).toBe('connecting');
    await untilState('live');
    expect(supervisor.status().reconnects_1h).toBe(1);
    expect(statuses.map((s) => s.state).filter((s, i, all) => s !== all[i - 1])).toEqual([
      'connecting',
      'live',
      'stalled',
      'connecting',
      'live',
    ]);
  });

  it('is killed when it hears neither close nor TERM', async () => {
    supervise(plan('deaf'));
    // After the first alone, silence has twenty seconds.
    await until(() => frames.length === 3, 'three frames');
    const { pid } = supervisor;
    clock.advance(3250);
    clock.advance(500);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(alive(pid)).toBe(true);
    clock.advance(2000);
    await untilGone();
    expect(alive(pid)).toBe(false);
  });

  it.each([
    ['load its libraries', 'mute', 120],
    ['deliver its first frame', 'waiting', 20],
  ])('has its time to %s', async (_, behaviour, limitS) => {
    supervise(plan(behaviour));
    if (behaviour === 'waiting')
      await until(() => logged.some(({ msg }) => msg === 'launch'), 'launch');
    clock.advance(limitS * 1000 - 500);
    expect(supervisor.pid).toBeDefined();
    expect(supervisor.status().last_error).toBeNull();
    clock.advance(750);
    await untilGone();
    const { state, last_error } = supervisor.status();
    expect([state, last_error]).toEqual(['connecting', `no frame for ${limitS}.0 s`]);
  });

  it('may stand still when it is a file that waits for its reader', async () => {
    supervise(plan('', { source: '/clips/three', realtime: false }));
    await untilState('live');
    clock.advance(60_000);
    expect(supervisor.status().state).toBe('live');
  });
});

describe('a camera process that dies', () => {
  it('refuses the tickets it had and is replaced a second later', async () => {
    supervise(plan('steady'));
    await untilState('live');
    const first = supervisor.pid;
    process.kill(first as number, 'SIGSTOP');
    const waiting = [supervisor.print(ticket(0)), supervisor.print(ticket(64))];
    process.kill(first as number, 'SIGKILL');
    expect(await Promise.all(waiting)).toEqual([
      { refused: 'frame_gone' },
      { refused: 'frame_gone' },
    ]);
    await untilState('connecting');
    expect(supervisor.status().last_error).toMatch(/killed by SIGKILL/);
    expect(await supervisor.print(ticket(0))).toEqual({ refused: 'frame_gone' });
    clock.advance(1200);
    await untilState('live');
    expect(supervisor.pid).not.toBe(first);
    expect(new Set(frames.map((frame) => frame.session)).size).toBe(2);
  });

  it('is killed when it owes a print for two seconds, and not answered for before', async () => {
    supervise(plan('steady'));
    await untilState('live');
    const pid = supervisor.pid as number;
    process.kill(pid, 'SIGSTOP');
    let answered = false;
    const printed = supervisor.print(ticket(0)).finally(() => {
      answered = true;
    });
    clock.advance(1900);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    clock.advance(250);
    expect(await printed).toEqual({ refused: 'frame_gone' });
    expect(alive(pid)).toBe(false);
  });

  it('is tried again ever more slowly, up to every fifteen seconds', async () => {
    supervise(plan('crash'));
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 7; attempt++) {
      await untilGone();
      let waited = 0;
      while (supervisor.pid === undefined && waited < 20_000) {
        clock.advance(100);
        waited += 100;
      }
      waits.push(waited);
    }
    expect(supervisor.counts().sessions).toBe(8);
    for (const [at, wanted] of [1000, 2000, 4000, 8000, 15_000, 15_000, 15_000].entries()) {
      expect(waits[at]).toBeGreaterThanOrEqual(wanted * 0.8 - 100);
      expect(waits[at]).toBeLessThanOrEqual(Math.min(15_000, wanted * 1.2) + 100);
    }
    const loud = logged.filter((line) => line.level === 'warn' && line.msg === 'session over');
    expect(loud.length, 'the same cause is said once').toBe(1);
  });

  it.each([
    ['arena', { arena: { fd: 9999 } }],
    ['entry', { entry: '/no/such/entry.mjs' }],
  ])('may also be impossible to start (%s)', async (_, broken) => {
    supervise(plan('steady'), broken);
    await until(() => supervisor.status().last_error !== null, 'an error');
    expect(supervisor.status().state).toBe('connecting');
    await untilGone();
    clock.advance(1300);
    expect(supervisor.counts().sessions).toBe(2);
  });

  it.each(['liar', 'noise'])('is killed when it breaks the protocol (%s)', async (behaviour) => {
    supervise(plan(behaviour), {});
    supervisor.wantEncoded(true);
    await until(() => /not to be trusted/.test(supervisor.status().last_error ?? ''), 'distrust');
    await untilGone();
  });

  it('cannot flood the log', async () => {
    supervise(plan('chatter'));
    await untilState('live');
    expect(logged.filter((line) => line.msg === 'oh').length).toBeLessThanOrEqual(20);
    expect(logged.every((line) => line.camera === 'yard')).toBe(true);
  });
});

describe('a camera that refuses', () => {
  it.each(['auth', 'unsupported'])(
    'is asked again a minute later at the earliest (%s)',
    async (behaviour) => {
      const state = behaviour === 'auth' ? 'auth_failed' : 'unsupported';
      const knocks: unknown[] = [];
      supervise(plan(behaviour), { knock: (door) => Promise.resolve(knocks.push(door) > 0) });
      await untilState(state);
      clock.advance(47_000);
      expect(supervisor.counts().sessions).toBe(1);
      expect(knocks).toEqual([]);
      for (let s = 0; s < 26 && supervisor.counts().sessions === 1; s++) clock.advance(1000);
      expect(supervisor.counts().sessions).toBe(2);
      expect(supervisor.status().state).toBe(state);
      await untilGone();
      clock.advance(95_000);
      expect(supervisor.counts().sessions).toBe(2);
    },
  );

  it('is tried at once when its plan changes', async () => {
    supervise(plan('auth'));
    await untilState('auth_failed');
    await supervisor.apply(plan('steady', { password: 'right' }));
    await untilState('live');
    expect(supervisor.status().last_error).toBeNull();
  });
});

describe('a hardware decoder', () => {
  const decoders = { h264: 'fake264dec' };

  it('that takes its process down is not used again until the plan changes', async () => {
    supervise(plan('fragile', { decoders }));
    await until(() => supervisor.status().decoder_fallback !== null, 'a reason');
    await untilState('live');
    expect(supervisor.status().decoder_fallback).toBe('the camera process killed by SIGABRT');
    expect(supervisor.counts().sessions).toBe(2);
    const told = logged.filter(({ msg }) => String(msg).includes('software decodes'));
    expect(told).toHaveLength(1);
    await supervisor.apply(plan('steady', { decoders }));
    expect(supervisor.status().decoder_fallback).toBeNull();
  });

  it('is blamed once; a process that goes on blaming is tried ever more slowly', async () => {
    supervise(plan('blames', { decoders }));
    await until(() => supervisor.counts().sessions === 2, 'a session in software');
    await untilGone();
    expect(supervisor.status()).toMatchObject({
      state: 'connecting',
      decoder_fallback: 'fake264dec: busy',
    });
    clock.advance(500);
    expect(supervisor.counts().sessions).toBe(2);
  });

  it('is not blamed for a death by KILL', async () => {
    supervise(plan('steady', { decoders }));
    await untilState('live');
    process.kill(supervisor.pid as number, 'SIGKILL');
    await untilState('connecting');
    expect(supervisor.status().decoder_fallback).toBeNull();
  });
});

describe('a camera that is away', () => {
  it('is tried as soon as it answers again', async () => {
    let isThere = false;
    supervise(plan('over'), { knock: () => Promise.resolve(isThere) });
    for (let attempt = 0; attempt < 5; attempt++) {
      await untilGone();
      if (attempt < 4) clock.advance(18_000);
    }
    const { sessions } = supervisor.counts();
    clock.advance(1000);
    await Promise.resolve();
    expect(supervisor.counts().sessions).toBe(sessions);
    isThere = true;
    clock.advance(1250);
    await Promise.resolve();
    clock.advance(250);
    expect(supervisor.counts().sessions).toBe(sessions + 1);
  });

  it('is not tried more often because its port is open', async () => {
    supervise(plan('over'));
    await untilGone();
    clock.advance(1300);
    await untilGone();
    clock.advance(1500);
    expect(supervisor.counts().sessions).toBe(2);
  });
});

describe('a plan', () => {
  it('that says the same changes nothing; another one restarts', async () => {
    supervise(plan('steady'));
    await untilState('live');
    const { pid } = supervisor;
    await supervisor.apply(plan('steady'));
    expect(supervisor.pid).toBe(pid);
    const applied = supervisor.apply(plan('steady', { transport: 'udp' }));
    await applied;
    expect(supervisor.pid).not.toBe(pid);
    await untilState('live');
    await supervisor.apply(plan('steady', { transport: 'udp', isEnabled: false }));
    expect(supervisor.status().state).toBe('disabled');
    expect(supervisor.pid).toBeUndefined();
    await supervisor.apply(plan('steady'));
    await untilState('live');
  });

  it('reaches the process without what is not its business', async () => {
    supervise(plan('confess', { username: 'u', password: 'p' }), { environment: { PATH: '/bin' } });
    await untilGone();
    const said = JSON.parse(supervisor.status().last_error ?? '') as {
      order: CameraOrder;
      env: string[];
    };
    expect(said.order).toMatchObject({ camera: 'yard', username: 'u', password: 'p' });
    expect(said.order.session).toMatch(/^[0-9A-Z]{26}$/);
    expect(said.env.filter((name) => !name.startsWith('NODE_'))).toEqual(['PATH']);
  });

  it('for a file that is played once ends', async () => {
    supervise(plan('', { source: '/clips/over' }));
    await untilState('ended');
    await untilGone();
    clock.advance(600_000);
    expect(supervisor.counts().sessions).toBe(1);
  });
});

it('stops in any state and leaves no process', async () => {
  for (const behaviour of ['steady', 'mute', 'auth', 'deaf']) {
    supervise(plan(behaviour));
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { pid } = supervisor;
    const stopped = supervisor.stop();
    clock.advance(500);
    clock.advance(2000);
    await stopped;
    expect(alive(pid)).toBe(false);
    const before = statuses.length;
    clock.advance(60_000);
    expect(statuses.length).toBe(before);
  }
});
