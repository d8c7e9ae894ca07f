// Real footage through decoder, model, tracker and lines, compared with what a person counted in it.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventRecord } from '../../src/contracts/event.ts';
import { needsShared, shared } from '../shared.ts';

const ROOT = join(import.meta.dirname, '../..');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-replay-video-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function vedette(...args: string[]): string {
  const command = ['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: ROOT,
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return stdout;
}

function configured(name: string, camera: string, line: string): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, `cameras:\n  view: ${camera}\nlines:\n  count: { camera: view, ${line} }\n`);
  return path;
}

function crossings(output: string): [string | null, unknown][] {
  const lines = output.trimEnd().split('\n');
  const events = lines.map((line): EventRecord => JSON.parse(line));
  return events.map((event) => [event.label, event.data.direction]);
}

describe.skipIf(needsShared('replay of footage'))('footage', () => {
  test('three people walk through one at a time, recorded at 5 frames/s', () => {
    const clip = shared('media/one-by-one_A_f1-720.mp4');
    const recording = join(folder, 'people.jsonl');
    vedette('record', clip, '--fps', '5', '-o', recording);
    const line = 'points: [[0.78125, 1], [0.78125, 0]], labels: [person]';
    const config = configured('people', '/dev/null', line);
    const run = () =>
      vedette('replay', recording, '--config', config, '--camera', 'view', '--only', 'line_cross');
    const output = run();
    expect(crossings(output)).toEqual(new Array(3).fill(['person', 'in']));
    expect(run()).toBe(output);
  });

  test('three vehicles drive down the near lane, the video replayed directly and to the same bytes', () => {
    const clip = shared('media/sub-1504614469486.mp4');
    const line = 'points: [[0.55, 1], [0.55, 0.2]], labels: [car, truck, bus]';
    const config = configured('road', `{ url: ${clip}, fps: 10 }`, line);
    const run = () => vedette('replay', clip, '--config', config, '--only', 'line_cross');
    const output = run();
    expect(crossings(output).map(([, direction]) => direction)).toEqual(['in', 'in', 'in']);
    expect(run()).toBe(output);
  });
});
