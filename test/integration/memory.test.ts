// A camera process does not grow: a short file is played again and again, with all that an agent can ask for.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cameraEnvironment } from '../../src/cli/camera-environment.ts';
import { WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import type { Ticket } from '../../src/contracts/ticket.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Arena } from '../../src/native/arena.ts';
import { CameraChild } from '../../src/pipeline/camera-child.ts';
import { orderOf, RGB_320 } from './camera-harness.ts';

const FRAMES = 5;
const WITH_RESULTS = 3;
/** Until V8 has optimised what runs, and the heap has the size that it keeps. */
const WARM_LOOPS = 600;
const LOOPS = 1800;
/** The least of many moments tells what is kept. 4 KB a loop fail. */
const MOST_KB = 2400;

const folder = mkdtempSync(join(tmpdir(), 'vedette-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Half a second. */
function film(): string {
  const file = join(folder, 'short.mp4');
  spawnSync('ffmpeg', [
    ...['-v', 'error', '-y', '-f', 'lavfi', '-i', `testsrc2=s=160x120:r=10:d=${FRAMES / 10}`],
    ...['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-bf', '0', file],
  ]);
  return file;
}

function anonymousKb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Anonymous:\s+(\d+) kB/m.exec(rollup)?.[1]);
}

/** Every frame is printed and every access unit taken; its anonymous memory after each tenth loop. */
function watchLoops(file: string): Promise<number[]> {
  const arena = Arena.create(1 << 20);
  const motion = { threshold: 8, fadeSeconds: 20, masks: [] };
  const weights: number[] = [];
  let seen = 0;
  return new Promise((resolve) => {
    const child = new CameraChild(
      {
        order: orderOf(file, { loop: true, motion, arenaBytes: arena.bytes }),
        ...{ arenaFd: arena.fd, clock: systemClock },
        environment: cameraEnvironment(process.env),
      },
      {
        message: (message) => {
          if (message.kind !== 'frame') return;
          const { sequence } = message.notice;
          void child.print({ sequence, rectangle: WHOLE_FRAME, format: RGB_320, offset: 0 });
          seen += 1;
          if (seen % (10 * FRAMES) === 0) weights.push(anonymousKb(child.pid ?? 0));
          if (seen === LOOPS * FRAMES) void child.close();
        },
        unit: () => undefined,
        line: () => undefined,
        gone: () => {
          arena.close();
          resolve(weights);
        },
      },
    );
    child.wantEncoded(true);
  });
}

/** Frame by frame: has the first `WITH_RESULTS` printed as for a model, and asks for each of them again when the tenth came. */
function askAgain(file: string): Promise<boolean[]> {
  const arena = Arena.create(1 << 20);
  const ticketFor = (sequence: number): Ticket => ({
    ...{ sequence, rectangle: WHOLE_FRAME, format: RGB_320, offset: 0 },
  });
  const asked: number[] = [];
  return new Promise((resolve) => {
    let answers: Promise<boolean[]> = Promise.resolve([]);
    const child = new CameraChild(
      {
        order: orderOf(file, {
          loop: true,
          realtime: true,
          heldFrames: 4,
          arenaBytes: arena.bytes,
        }),
        ...{ arenaFd: arena.fd, clock: systemClock },
        environment: cameraEnvironment(process.env),
      },
      {
        message: (message) => {
          if (message.kind !== 'frame') return;
          const { sequence } = message.notice;
          if (asked.length < WITH_RESULTS) {
            asked.push(sequence);
            const job = child.order(ticketFor(sequence));
            void child.print(ticketFor(sequence)).then(() => job.result());
          }
          if (sequence !== 10) return;
          answers = Promise.all(
            asked.map(async (each) => !('refused' in (await child.print(ticketFor(each))))),
          );
          void answers.then(() => child.close());
        },
        unit: () => undefined,
        line: () => undefined,
        gone: () => {
          arena.close();
          resolve(answers);
        },
      },
    );
  });
}

it('keeps the printed frames that are needed, and no more', async () => {
  // The third ticket tells that the second result is there: the first frame goes.
  expect(await askAgain(film())).toEqual([false, true, true]);
});

it('keeps nothing of a file that is over', async () => {
  const weights = await watchLoops(film());
  expect(weights).toHaveLength(LOOPS / 10);
  const warm = weights.slice(WARM_LOOPS / 10);
  const half = warm.length / 2;
  const grown = Math.min(...warm.slice(half)) - Math.min(...warm.slice(0, half));
  expect(grown, `${weights.join(' ')} kB`).toBeLessThan(MOST_KB);
});
