// A writer that is killed in the middle of a push leaves the old document or the new one.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { ConfigStore } from '../../src/config/store.ts';
import { createLog } from '../../src/core/log.ts';

const WRITER = new URL('../fixtures/config-writer.ts', import.meta.url).pathname;
const KILLS = 15;

/** Starts the writer, kills it at some moment after its first push, and returns the last version it announced. */
async function killedWriter(file: string, directory: string): Promise<number> {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', 'tsx', WRITER, file, directory],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  const first = new Promise((resolve) => child.stdout?.once('data', resolve));
  child.stdout?.on('data', (chunk) => {
    said += chunk;
  });
  await first;
  await pause(Math.random() * 40);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  return Number(said.trimEnd().split('\n').at(-1));
}

it(`is whole after ${KILLS} kills`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vedette-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.yaml');
  writeFileSync(file, 'cameras: { a: /file }\n');
  const directory = join(folder, 'state');
  const store = new ConfigStore({ file, directory, environment: {}, log: createLog('silent') });
  for (let round = 0; round < KILLS; round++) {
    const announced = await killedWriter(file, directory);
    const { origin, version, config } = store.load();
    expect(origin).toBe('pushed');
    expect([announced, announced + 1]).toContain(version);
    expect(config.cameras.a?.url).toBe(`rtsp://h/${version - 1}`);
    expect(store.previousText()).toBeDefined();
  }
});
