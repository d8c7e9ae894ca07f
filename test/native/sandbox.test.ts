// A confined process as Node sees it: what is refused, and that decoding goes on. sandbox_test tries the system calls.
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Confinement, ConfinementReport } from '../../src/native/sandbox.ts';
import type { Attempt } from '../fixtures/confined-child.ts';

const folder = mkdtempSync(join(tmpdir(), 'vedette-sandbox-'));
const secret = join(folder, 'secret');
writeFileSync(secret, 'x');
const ffmpeg = '/usr/bin/ffmpeg';

function child(script: string, args: string[] = []): ChildProcess {
  return fork(join(import.meta.dirname, '../fixtures', script), args, {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, HOME: folder },
  });
}

async function confined(
  confinement: Confinement,
  attempts: Attempt[],
): Promise<{ report: ConfinementReport; results: Record<string, string> }> {
  const process = child('confined-child.ts');
  const answer = once(process, 'message');
  const exit = once(process, 'exit');
  process.send({ confinement, attempts });
  const [message] = await Promise.race([
    answer,
    exit.then((how) => Promise.reject(Error(`${how}`))),
  ]);
  expect(await exit).toEqual([0, null]);
  return message as { report: ConfinementReport; results: Record<string, string> };
}

/** A second of moving pattern in H.264, made here. */
function clip(): string {
  const file = join(folder, 'clip.mp4');
  const source = 'testsrc2=size=320x240:rate=25:duration=1';
  const made = spawnSync(ffmpeg, ['-y', '-f', 'lavfi', '-i', source, '-c:v', 'libx264', file]);
  expect(made.status).toBe(0);
  return file;
}

test('a camera process cannot read, write, run or listen beyond its list, in any of its threads', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = (server.address() as { port: number }).port;
  const { report, results } = await confined(
    { write: [join(folder, 'allowed')], tcpPorts: [port] },
    [
      { name: 'secret', kind: 'read', what: secret },
      { name: 'secret in the thread pool', kind: 'read-async', what: secret },
      { name: 'shadow', kind: 'read', what: '/etc/shadow' },
      { name: 'our environment', kind: 'read', what: `/proc/${process.pid}/environ` },
      { name: 'a library', kind: 'read', what: '/proc/self/exe' },
      { name: 'own memory', kind: 'memory', what: '' },
      { name: 'free memory', kind: 'read', what: '/proc/meminfo' },
      { name: 'new file', kind: 'write', what: join(folder, 'new') },
      { name: 'program', kind: 'run', what: '/bin/true' },
      { name: 'listen', kind: 'listen', what: '' },
      { name: 'camera', kind: 'connect', what: String(port) },
      { name: 'another port', kind: 'connect', what: '9' },
      { name: 'name', kind: 'resolve', what: 'localhost' },
    ],
  );
  server.close();
  expect(report.missing).toEqual([]);
  // The thread that starts Node's inspector on SIGUSR1 blocks all signals; it alone may be left out.
  expect([[], ['1 thread(s) that take no signals are not bound']]).toContainEqual(report.remarks);
  expect(report.applied).toEqual(
    expect.arrayContaining(['no_new_privileges', 'limit_core', 'landlock', 'seccomp']),
  );
  expect(results).toEqual({
    secret: 'EACCES',
    'secret in the thread pool': 'EACCES',
    shadow: 'EACCES',
    'our environment': 'EACCES',
    'a library': 'ok',
    'own memory': 'ok',
    'free memory': 'ok',
    'new file': 'EACCES',
    program: 'EPERM',
    listen: 'EACCES',
    camera: 'ok',
    'another port': 'EACCES',
    name: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
  });
});

test('GStreamer decodes H.264 in a confined process', async () => {
  const file = clip();
  const { results } = await confined({ read: [file] }, [
    { name: 'frames', kind: 'decode', what: file },
  ]);
  expect(results).toEqual({ frames: '20 frames' });
});

test('FFmpeg decodes in a process that may start nothing else', async () => {
  const file = clip();
  const { results } = await confined({ read: [file], execute: [ffmpeg] }, [
    { name: 'decode', kind: 'run', what: `${ffmpeg} -v error -i ${file} -f rawvideo -y /dev/null` },
    { name: 'read elsewhere', kind: 'run', what: `${ffmpeg} -v error -i ${secret} -f null -` },
    { name: 'shell', kind: 'run', what: '/bin/sh -c true' },
  ]);
  expect(results).toEqual({
    decode: 'exit 0',
    'read elsewhere': expect.stringMatching(/^exit [1-9]/),
    shell: 'EACCES',
  });
});

test('a process that dies with its parent leaves nothing behind', async () => {
  const parent = child('parent-of-one.ts');
  const [message] = await once(parent, 'message');
  const { pid } = message as { pid: number };
  expect(() => process.kill(pid, 0)).not.toThrow();
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await expect.poll(() => isRunning(pid), { timeout: 60_000 }).toBe(false);
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
