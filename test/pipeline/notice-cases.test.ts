// Which frames a camera process tells of is decided twice, in src/pipeline/frame-grid.ts and in native/gst/notice_pace.cpp: here
// the first writes down what it wants, and native/gst/notice_pace_test.cpp holds the second against it.
import path from 'node:path';
import { expect, test } from 'vitest';
import { noticeEveryMs } from '../../src/pipeline/frame-rate.ts';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { frameOf } from '../fakes/frames.ts';

const FILE = path.resolve(import.meta.dirname, '../../native/gst/notice_cases.txt');

interface Case {
  readonly streamFps: number;
  /** From the frame of that number on. */
  readonly fps: ReadonlyMap<number, number>;
  readonly jitterMs?: number;
  /** The timeline starts again with the frame of this number. */
  readonly restartsAt?: number;
}

const CASES: readonly Case[] = [
  { streamFps: 25, fps: new Map([[0, 5]]) },
  { streamFps: 30, fps: new Map([[0, 5]]), jitterMs: 8 },
  { streamFps: 29.97, fps: new Map([[0, 7]]) },
  { streamFps: 29.97, fps: new Map([[0, 4]]), jitterMs: 4 },
  { streamFps: 15, fps: new Map([[0, 1]]) },
  { streamFps: 25, fps: new Map([[0, 5]]), restartsAt: 61 },
  {
    streamFps: 30,
    fps: new Map([
      [0, 3],
      [57, 10],
      [101, 2],
    ]),
  },
  {
    streamFps: 25,
    fps: new Map([
      [0, 25],
      [50, 10],
    ]),
  },
];

/** Three other cameras come at the same time, so that the grid is moved in the middle. */
function write(one: Case): string {
  const { streamFps, fps, jitterMs = 0, restartsAt = 1e9 } = one;
  const words: string[] = [];
  const scheduler = new Scheduler((camera, ptsMs) => {
    if (camera === 'a') words.push(`\nat ${Math.round(ptsMs * 1e6)}\n`);
  });
  const others = ['b', 'c', 'd'];
  for (const camera of others) scheduler.setCamera(camera, wish(fps.get(0)!));
  for (let i = 0; i < 150; i++) {
    const wanted = fps.get(i);
    if (wanted !== undefined) {
      scheduler.setCamera('a', wish(wanted));
      words.push(`\nevery ${Math.round(noticeEveryMs(wanted) * 1e6)}\n`);
    }
    const at = i % restartsAt;
    const arrivedMs = (i * 1000) / streamFps;
    const ptsNs = Math.round((at * 1e9) / streamFps + ((i * 7919) % 100) * 1e4 * jitterMs);
    const place = words.length;
    scheduler.offer(frameOf('a', i + 1, { ptsNs, arrivedMs }));
    const isTaken = scheduler.take(arrivedMs) !== undefined;
    words.splice(place, 0, `${ptsNs}${isTaken || at === 1 ? '*' : ''} `);
    for (const camera of others) {
      scheduler.offer(frameOf(camera, i + 1, { ptsNs, arrivedMs }));
      scheduler.take(arrivedMs);
    }
  }
  const name = `${streamFps} frames/s, wanted ${[...fps.values()].join(', then ')}`;
  const also = `jitter ${jitterMs} ms${restartsAt < 1e9 ? ', starts again' : ''}`;
  return `# ${name}, ${also}${words.join('')}\n`.replaceAll(/ *\n+/g, '\n');
}

function wish(fps: number): { fps: number; idleFps: number; minFps: number; priority: number } {
  return { fps, idleFps: fps, minFps: 0.05, priority: 1 };
}

test('camera processes are held against what the scheduler wants', async () => {
  const cases = CASES.map(write);
  for (const one of cases.slice(0, 6)) expect(one.match(/^at /gm)?.length).toBeGreaterThan(1);
  await expect(cases.join('\n')).toMatchFileSnapshot(FILE);
});
