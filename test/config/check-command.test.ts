// `vedette check` as people and scripts call it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { checkCommand } from '../../src/cli/check.ts';
import { createLog } from '../../src/core/log.ts';
import { machineIdentity } from '../../src/infer/fingerprint.ts';
import { capacityFile } from '../../src/pipeline/admission-control.ts';
import { capacityOf, ON } from '../fakes/capacity.ts';
import { temporaryFolder } from './temporary.ts';

const MANIFEST = `name: tiny
licence: Apache-2.0
file: tiny.onnx
sha256: ${'a'.repeat(64)}
head: yolox
input: { name: images, width: 64, height: 64, order: bgr, dtype: float32 }
labels: [person, car]
`;

/** Runs the command on `text`, with a model that knows persons and cars, and returns what it printed. */
async function check(
  text: string,
  ...options: string[]
): Promise<{ status: number; said: string }> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'tiny.yaml'), MANIFEST);
  const path = join(folder, 'config.yaml');
  writeFileSync(path, `${text}\nmodel: ${join(folder, 'tiny.onnx')}\n`);
  return await command(path, ...options);
}

async function command(...args: string[]): Promise<{ status: number; said: string }> {
  let said = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    said += chunk;
    return true;
  });
  onTestFinished(() => write.mockRestore());
  const status = await checkCommand(args);
  write.mockRestore();
  return { status, said };
}

const GOOD = `cameras:
  front: { url: rtsp://admin:planted@h/s, labels: [person] }
  again: rtsp://h/s
mqtt: { url: mqtt://u:planted@broker, password: planted }
alerts: [{ name: ops, url: https://x.example/token, secret: planted, headers: { X-Key: planted } }]`;

describe('vedette check', () => {
  it('says what would run, with warnings and without secrets', async () => {
    const { status, said } = await check(GOOD);
    expect(status).toBe(0);
    expect(said).toContain('front: rtsp://h/s as admin, 5 frames/s, person');
    expect(said).toContain('webhook ops: object_new to https://x.example');
    expect(said).toContain('the same source as camera "front"');
    expect(said).not.toMatch(/planted|token/);
  });

  it('says whether a machine that was measured carries the cameras', async () => {
    const storage = temporaryFolder();
    const on = { ...ON, ...machineIdentity(), model_sha256: 'a'.repeat(64) };
    const profile = capacityOf({ decode_cpu_ms: 1000 });
    capacityFile(storage, createLog('error')).keep(on, profile);
    const text = `cameras: { one: rtsp://h/1, two: rtsp://h/2 }\nstorage: { path: ${storage} }`;
    expect((await check(text)).said).toMatch(
      /^Capacity 2 cameras ask for \d+ % .*no room for two/m,
    );
    const { said } = await check(text, '--json');
    expect(JSON.parse(said).admission).toMatchObject({ verdict: 'refused', refused: ['two'] });
    const elsewhere = await check(`cameras: { one: rtsp://h/1 }`);
    expect(elsewhere.said).toMatch(/^Capacity not measured here/m);
  });

  it('says the same to machines', async () => {
    const { status, said } = await check(GOOD, '--json');
    expect(status).toBe(0);
    expect(said).not.toContain('planted');
    expect(JSON.parse(said)).toMatchObject({ valid: true, problems: [], warnings: [{ line: 3 }] });
    const bad = await check('cameras: { a: { url: /x, fsp: 5 } }', '--json');
    expect(bad.status).toBe(78);
    expect(JSON.parse(bad.said)).toMatchObject({
      valid: false,
      config: null,
      problems: [{ line: 1, column: 26, path: 'cameras.a.fsp' }],
    });
  });

  it('knows the labels of the model', async () => {
    await expect(check('cameras: { a: { url: /x, labels: [person, cra] } }')).rejects.toThrow(
      'the model tiny has no label "cra"; did you mean "car"?',
    );
    await expect(check('cameras: { a: { url: /x, labels: [zebra] } }')).rejects.toThrow(
      'it has person, car',
    );
  });

  it('explains keys', async () => {
    expect((await command('--explain', 'cameras.fps')).said).toContain('default  5');
    await expect(command('--explain', 'mqtt.pasword')).rejects.toThrow(
      'did you mean "mqtt.password"?',
    );
  });

  it('says how it is used', async () => {
    expect((await command('--help')).said).toContain('--explain KEY');
    await expect(command()).rejects.toThrow('one FILE');
    await expect(command('--bogus')).rejects.toThrow('--bogus');
    await expect(command('/nonexistent.yaml')).rejects.toThrow('cannot read');
  });
});
