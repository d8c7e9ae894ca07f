// What systemd hears from the daemon, and when it hears nothing.
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/core/log.ts';
import { Systemd, type SystemdOptions } from '../../src/service/systemd.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

let clock: FakeClock;
let sent: string[];
let logged: string[];
let progress: { completedRuns: number; waiting: number };

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  logged = [];
  progress = { completedRuns: 0, waiting: 0 };
});

function systemd(environment: Record<string, string>, status = () => 'fine'): Systemd {
  const sink = new Writable({
    write(line, _encoding, done) {
      logged.push(String(line));
      done();
    },
  });
  const options: SystemdOptions = {
    ...{ environment, clock, status, log: createLog('info', sink), progress: () => progress },
    send: (socket, message) => sent.push(`${socket}: ${message}`) > 0,
  };
  return new Systemd(options);
}

const NOTIFY = { NOTIFY_SOCKET: '@bus' };
const WATCHED = { ...NOTIFY, WATCHDOG_USEC: '20000000', WATCHDOG_PID: String(process.pid) };

function feeds(): number {
  return sent.filter((message) => message.includes('WATCHDOG=1')).length;
}

describe('Systemd', () => {
  it('says ready, how it does, and that it stops', () => {
    let status = '1 of 2 cameras live';
    const service = systemd(NOTIFY, () => status);
    service.ready();
    clock.advance(25_000);
    status = '2 of 2 cameras live';
    clock.advance(25_000);
    service.stopping();
    clock.advance(60_000);
    expect(sent).toEqual([
      '@bus: READY=1\nSTATUS=1 of 2 cameras live',
      '@bus: STATUS=2 of 2 cameras live',
      '@bus: STOPPING=1\nSTATUS=stopping',
    ]);
  });

  it('is quiet when it was started by hand', () => {
    for (const environment of [{}, { NOTIFY_SOCKET: '' }]) {
      const service = systemd(environment);
      service.ready();
      clock.advance(60_000);
      service.stopping();
    }
    expect(sent).toEqual([]);
  });

  it.each([
    { WATCHDOG_USEC: '20000000', WATCHDOG_PID: '1' },
    { WATCHDOG_USEC: 'soon' },
    { WATCHDOG_USEC: '0' },
  ])('feeds no watchdog that is not its own: %j', (environment) => {
    systemd({ ...NOTIFY, ...environment }).ready();
    clock.advance(60_000);
    expect(feeds()).toBe(0);
  });

  it('feeds the watchdog three times per interval while nothing waits', () => {
    systemd(WATCHED).ready();
    clock.advance(60_000);
    expect(feeds()).toBe(10);
  });

  it('lets the watchdog starve when frames wait and no run completes', () => {
    systemd(WATCHED).ready();
    progress = { completedRuns: 1, waiting: 3 };
    clock.advance(60_000);
    expect(feeds()).toBeLessThanOrEqual(3);
    expect(logged.filter((line) => line.includes('not fed'))).toHaveLength(1);
    progress = { completedRuns: 2, waiting: 3 };
    const before = feeds();
    clock.advance(7000);
    expect(feeds()).toBe(before + 1);
  });

  it('never leaves half an interval without food while runs complete, and always starves within one when none does', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 10, maxLength: 40 }), (runs) => {
        clock = new FakeClock();
        sent = [];
        progress = { completedRuns: 0, waiting: 1 };
        const service = systemd(WATCHED);
        service.ready();
        let idleMs = 0;
        for (const completes of runs) {
          if (completes) progress = { ...progress, completedRuns: progress.completedRuns + 1 };
          idleMs = completes ? 0 : idleMs + 2000;
          const before = feeds();
          clock.advance(2000);
          if (idleMs >= 16_000) expect(feeds()).toBe(before);
        }
        service.stopping();
      }),
    );
  });

  it('keeps a status on one line, so that no camera can speak for the daemon', () => {
    systemd(NOTIFY, () => 'camera says\nWATCHDOG=1\0').ready();
    expect(sent).toEqual(['@bus: READY=1\nSTATUS=camera says WATCHDOG=1 ']);
  });
});
