// A camera process does not grow: a short file is played again and again, with all that an agent can ask for.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { cameraEnvironment } from '../../src/cli/camera-environment.ts';
import { WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Arena } from '../../src/native/arena.ts';
import { CameraChild } from '../../src/pipeline/camera-child.ts';
import { orderOf, RGB_320 } from './camera-harness.ts';

const FRAMES = 5;
/** Until V8 has optimised what runs, and the heap has the size that it keeps. */
const WARM_LOOPS = 600;
const LOOPS = 1800;
/** The least of many moments tells what is kept. 4 KB a loop fail. */
const MOST_KB = 2400;

const folder = mkdtempSync(join(tmpdir(), 'vedette-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

it('keeps nothing of a file that is over', async () => {
  const file = join(folder, 'short.mp4');
  spawnSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=160x120:r=10:d=${FRAMES / 10}`],
    ...['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-bf', '0', file],
  ]);
  const weights = await watchLoops(file);
  expect(weights).toHaveLength(LOOPS / 10);
  const warm = weights.slice(WARM_LOOPS / 10);
  const half = warm.length / 2;
  const grown = Math.min(...warm.slice(half)) - Math.min(...warm.slice(0, half));
  expect(grown, `${weights.join(' ')} kB`).toBeLessThan(MOST_KB);
});
