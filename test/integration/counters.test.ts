// Totals of a daemon over its restart: what was counted before, plus what it tells of while it runs.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Counters } from '../../src/analytics/counters.ts';
import type { EventRecord } from '../../src/contracts/event.ts';
import { until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';
import { Daemon } from './daemon-harness.ts';

const BEFORE: Record<string, Counters> = {
  hall: {
    'line/door': { totals: { in: { person: 41 }, out: { dog: 2 } }, period: '' },
    'zone/floor': { totals: { enter: { person: 7 } }, period: '2020-01-01' },
    'zone/taken-away': { totals: { enter: { person: 1 } }, period: '' },
  },
  silent: { 'line/back': { totals: { in: { car: 5 } }, period: '' } },
};

describe.skipIf(needsShared('totals of a daemon'))('totals', () => {
  let daemon: Daemon;

  beforeAll(() => {
    const file = shared('media', 'one-by-one_A_f1-720.mp4');
    daemon = Daemon.prepare({
      cameras: {
        hall: { url: file, loop: false, realtime: false, fps: 5, idle_fps: 5 },
        silent: { url: 'rtsp://127.0.0.1:9/nobody' },
      },
      lines: {
        door: {
          camera: 'hall',
          points: [
            [0.78125, 1],
            [0.78125, 0],
          ],
          labels: ['person'],
        },
        back: {
          camera: 'silent',
          points: [
            [0.5, 1],
            [0.5, 0],
          ],
        },
      },
      zones: {
        floor: {
          camera: 'hall',
          polygon: [
            [0, 0],
            [1, 0],
            [1, 1],
            [0, 1],
          ],
          reset: 'daily',
        },
      },
    });
    writeFileSync(join(daemon.dir, 'counters.json'), JSON.stringify(BEFORE));
  });

  afterAll(() => daemon?.dispose());

  it('go on after a restart, begin anew when they are due, and are kept where no frame comes', async () => {
    daemon.start();
    const events = (): EventRecord[] => {
      const db = new Database(join(daemon.dir, 'vedette.db'), { readonly: true });
      const bodies = db.prepare('SELECT body FROM events').pluck().all() as string[];
      db.close();
      return bodies.map((body) => JSON.parse(body));
    };
    await until('the model is ready', () => daemon.said('model ready').length > 0, 60_000);
    const hasCrossed = (): boolean =>
      events().some(({ event_type }) => event_type === 'line_cross');
    await until('somebody crossed the line', hasCrossed, 90_000);
    expect((await daemon.end()).status).toBe(0);

    const told = events();
    const count = (type: string, direction?: string): number =>
      told.filter((e) => e.event_type === type && e.data.direction === direction).length;
    const after = JSON.parse(readFileSync(join(daemon.dir, 'counters.json'), 'utf8'));
    expect(after.silent).toEqual(BEFORE.silent);
    expect(Object.keys(after.hall).sort()).toEqual(['line/door', 'zone/floor']);
    expect(after.hall['line/door'].totals.in.person).toBe(41 + count('line_cross', 'in'));
    expect(after.hall['line/door'].totals.out.dog).toBe(2);
    const entered = Object.values<number>(after.hall['zone/floor'].totals.enter);
    expect(entered.reduce((sum, n) => sum + n, 0)).toBe(count('zone_enter'));
    const [reset] = told.filter(({ event_type }) => event_type === 'counter_reset');
    expect(reset!.data).toMatchObject({
      counter: 'zone/floor',
      period: '2020-01-01',
      totals: { enter: { person: 7 } },
    });
  });
});
