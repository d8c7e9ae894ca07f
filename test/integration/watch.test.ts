// `vedette watch` on footage whose people were counted by eye.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';

const ROOT = resolve(import.meta.dirname, '../..');

describe.skipIf(needsShared('watching footage'))('vedette watch', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vedette-watch-test-'));
    copyFileSync(shared('models', 'yolox_nano_416_dynbatch.onnx'), join(folder, 'yolox.onnx'));
    const manifest = readFileSync(join(ROOT, 'test/fixtures/models/yolox-nano.yaml'), 'utf8');
    const renamed = manifest.replace('yolox_nano_416_dynbatch.onnx', 'yolox.onnx');
    writeFileSync(join(folder, 'yolox.yaml'), renamed);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function watch(...args: string[]) {
    const main = join(ROOT, 'src/cli/main.ts');
    return spawnSync(process.execPath, ['--import', 'tsx', main, 'watch', ...args], {
      encoding: 'utf8',
      timeout: 100_000,
    });
  }

  it('counts the three people of a clip that is read as fast as it is analysed', () => {
    const clip = shared('media', 'one-by-one_A_f1-720.mp4');
    const stills = join(folder, 'out');
    const model = join(folder, 'yolox.onnx');
    const options = ['--once', '--fast', '--fps', '5', '--labels', 'person'];
    const result = watch(clip, ...options, '--model', model, '--stills', stills);
    expect(result.status).toBe(0);
    const lines = result.stdout.split('\n');
    expect(lines.filter((line) => / person #\d+ +new /.test(line))).toHaveLength(3);
    expect(lines.filter((line) => / person #\d+ +end .* still camera\//.test(line))).toHaveLength(
      3,
    );
    const files = readdirSync(join(stills, 'stills'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.endsWith('.jpg'))).toHaveLength(3);
    expect(result.stderr).toBe('');
  });

  it('ends cleanly at Ctrl-C, which a terminal and npm tell it twice', async () => {
    const main = join(ROOT, 'src/cli/main.ts');
    const clip = shared('media', 'one-by-one_A_f1-720.mp4');
    const args = ['--import', 'tsx', main, 'watch', clip, '--model', join(folder, 'yolox.onnx')];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until('the camera is live', () => said.includes('live'), 60_000);
    const gone = once(child, 'exit');
    child.kill('SIGINT');
    setTimeout(() => child.kill('SIGINT'), 50);
    expect(await gone).toEqual([0, null]);
  });

  it('says what is wrong with a source', () => {
    const result = watch('ftp://nowhere/x', '--seconds', '5');
    expect(result.status).toBe(78);
    expect(result.stderr).toMatch(/rtsp:\/\/host\/path/);
    expect(watch().status).toBe(64);
  });
});
