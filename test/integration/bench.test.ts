// `vedette bench` on a small clip: what it tells adds up, and the daemon finds the profile that it leaves.
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { benchText } from '../../src/bench/report-text.ts';
import type { BenchResult } from '../../src/bench/self-bench.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');
const run = promisify(execFile);
const vedette = (...args: string[]) => run(process.execPath, ['--import', 'tsx', MAIN, ...args]);

describe('vedette bench', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-test-'));
  let config: string;
  let page: string;
  let result: BenchResult;
  let progress: string;

  beforeAll(async () => {
    const clip = join(folder, 'clip.mp4');
    const picture = 'testsrc2=size=640x360:rate=25:duration=4';
    const encode = ['-v', 'error', '-f', 'lavfi', '-i', picture, '-pix_fmt', 'yuv420p', '-bf', '0'];
    expect(spawnSync('ffmpeg', [...encode, '-g', '25', clip]).status).toBe(0);
    config = join(folder, 'config.yaml');
    page = join(folder, 'page.html');
    mkdirSync(join(folder, 'storage'));
    writeFileSync(
      config,
      `cameras: { a: rtsp://h/a }\nstorage: { path: ${join(folder, 'storage')} }\n`,
    );
    const options = ['--config', config, '--clip', clip, '--seconds', '1', '--html', page];
    const { stdout, stderr } = await vedette('bench', ...options, '--json');
    result = JSON.parse(stdout);
    progress = stderr;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('measures every part and tells what it is doing', () => {
    const { profile, saturated, live, streams, limit_fps: limit } = result;
    expect(profile.clip).toMatchObject({ width: 640, height: 360, codec: 'h264' });
    expect(profile.clip.fps).toBeCloseTo(25, 0);
    const { decode_cpu_ms, print_cpu_ms, inference_cpu_ms } = profile;
    for (const cost of [decode_cpu_ms, print_cpu_ms, inference_cpu_ms]) {
      expect(cost).toBeGreaterThan(0);
      expect(cost).toBeLessThan(200);
    }
    expect(profile.rest_cpu_ms).toBeGreaterThanOrEqual(0);
    expect(limit).toBeLessThan(Math.min(profile.decode_fps, profile.inference_fps));
    expect(saturated.fps).toBeGreaterThan(0);
    expect(streams.by_rate.find(({ fps }) => fps === 5)?.streams).toBe(streams.supported);
    expect(live.latency.p95Ms).toBeGreaterThanOrEqual(live.latency.p50Ms);
    const runs = live.batches.reduce((sum, one) => sum + one.runs, 0);
    expect(runs).toBeGreaterThan(0);
    const frames = live.batches.reduce((sum, one) => sum + one.runs * one.frames, 0);
    const delays = live.latency.buckets.reduce((sum, { count }) => sum + count, 0);
    expect(Math.abs(frames - delays)).toBeLessThanOrEqual(live.cameras);
    for (const word of ['inference', 'decoding', 'whole path', 'live', 'profile: ']) {
      expect(progress).toContain(word);
    }
  });

  it('says it to people, and draws it on a page that needs nothing else', () => {
    const text = benchText(result);
    for (const word of [
      'decode',
      'inference',
      'Limit',
      'Streams',
      'Bottleneck',
      'p95',
      'Batches',
    ]) {
      expect(text).toContain(word);
    }
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
    const html = readFileSync(page, 'utf8');
    expect(html.match(/<svg/g)).toHaveLength(5);
    expect(html).not.toMatch(/NaN|undefined|Infinity|<script|https?:|src=/);
  });

  it('leaves a profile by which `vedette check` and the daemon judge cameras', async () => {
    const { stdout } = await vedette('check', config);
    expect(stdout).toMatch(/Capacity 1 camera asks for/);
  });

  it('says what is wrong with a clip or an option', async () => {
    const failing = (...args: string[]) => vedette('bench', ...args).catch((error) => error);
    expect((await failing('--clip', '/nowhere.mp4')).stderr).toContain(
      '/nowhere.mp4 does not exist',
    );
    expect((await failing('--fps', 'x')).stderr).toContain('expected 0.1 to 60');
    const bad = ['--clip', config, '--config', config, '--seconds', '1'];
    expect((await failing(...bad)).stderr).toContain('the clip cannot be decoded');
  });
});
