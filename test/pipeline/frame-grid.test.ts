// Where the grid of one camera is put: what it takes for key frames, and when it goes on or begins anew.
import { expect, it } from 'vitest';
import { Scheduler } from '../../src/pipeline/scheduler.ts';
import { frameOf } from '../fakes/frames.ts';

const WISH = { fps: 5, idleFps: 5, minFps: 1, priority: 1 };

/** A camera of 25 frames/s of which every fifth is told of; collects where its grid is put, in frames. */
class Watched {
  readonly grids: number[] = [];
  readonly scheduler = new Scheduler((camera, ptsMs) => {
    if (camera === 'a') this.grids.push(ptsMs / 40);
  });
  private told = 0;

  constructor(isPaced = true) {
    this.scheduler.setCamera('a', { ...WISH, isPaced });
  }

  /** Told of `frame`, which arrives `lateMs` after its presentation time; true when it is analysed. */
  tell(frame: number, { session = 's1', lateMs = 0 } = {}): boolean {
    const untold = frame > this.told ? frame - this.told - 1 : 0;
    this.told = frame;
    const arrivedMs = frame * 40 + lateMs;
    const ptsNs = frame * 40e6;
    this.scheduler.offer(frameOf('a', frame + 1, { ptsNs, arrivedMs, session, untold }));
    return this.scheduler.take(arrivedMs) !== undefined;
  }

  tellAll(from: number, to: number, options = {}): boolean[] {
    const taken: boolean[] = [];
    for (let frame = from; frame <= to; frame += 5) taken.push(this.tell(frame, options));
    return taken;
  }
}

it('lies between key frames as soon as two frames are known', () => {
  const camera = new Watched();
  expect([0, 1].map((frame) => camera.tell(frame))).toEqual([true, false]);
  expect(camera.grids).toEqual([3]);
  expect(camera.tellAll(3, 203)).not.toContain(false);
  expect(camera.grids).toEqual([3]);
});

it('takes for key frames what is told of before it has said anything', () => {
  const camera = new Watched();
  camera.tell(100);
  camera.tell(105);
  expect(camera.grids).toHaveLength(1);
  expect(camera.grids[0]! % 5).toBe(3);
});

it('keeps key frames in mind where nobody listened for a while, and forgets them where time starts again', () => {
  const camera = new Watched();
  camera.tell(0);
  camera.tell(1);
  camera.tellAll(3, 103);
  camera.tellAll(303, 313);
  expect(camera.grids.at(-1)! % 5).toBe(3);
  camera.tell(1002, { lateMs: -9e4 });
  camera.tell(1003, { lateMs: -9e4 });
  expect(camera.grids.at(-1)! % 5).toBe(0);
  camera.tell(4, { session: 's2' });
  camera.tell(5, { session: 's2' });
  expect(camera.grids.at(-1)! % 5).toBe(2);
});

it('steps aside for another camera, once, and loses no frame by it', () => {
  const camera = new Watched();
  camera.scheduler.setCamera('b', WISH);
  const taken: boolean[] = [];
  for (let frame = 0; frame < 1500; frame++) {
    const grid = camera.grids.at(-1) ?? 0;
    if (frame < 2 || (frame - Math.round(grid)) % 5 === 0) taken.push(camera.tell(frame));
    const other = { ptsNs: frame * 40e6, arrivedMs: frame * 40 + 1 };
    camera.scheduler.offer(frameOf('b', frame + 1, other));
    camera.scheduler.take(other.arrivedMs);
  }
  expect(camera.grids.map((frame) => Math.round(frame) % 5)).toEqual([3, 2]);
  expect(taken.filter((isTaken) => !isTaken)).toHaveLength(1);
  expect(taken.length).toBeGreaterThanOrEqual(300);
});

it('stays where it is when frames come as they are asked for, and while another is away', () => {
  for (const isPaced of [true, false]) {
    const camera = new Watched(isPaced);
    camera.scheduler.setCamera('b', WISH);
    for (let frame = 0; frame < 20; frame++) camera.scheduler.offer(frameOf('b', frame + 1));
    if (isPaced) camera.scheduler.reset('b');
    camera.tell(0);
    camera.tell(1);
    camera.tellAll(3, 503);
    expect(camera.grids).toEqual([3]);
  }
});

it('is put nowhere where every frame is wanted', () => {
  const camera = new Watched();
  camera.scheduler.setCamera('a', { ...WISH, fps: 25 });
  for (let frame = 0; frame < 200; frame++) expect(camera.tell(frame)).toBe(true);
  expect(camera.grids).toEqual([]);
});
