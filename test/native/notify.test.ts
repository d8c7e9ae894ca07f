// Datagrams to a socket that plays the service manager.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { notifyService } from '../../src/native/notify.ts';

/** Node has no datagram sockets in the file system; Python does. Prints what it receives. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", chr(0), 1) if sys.argv[1].startswith("@") else sys.argv[1])
print("bound", flush=True)
print(s.recv(4096).decode(), flush=True)
`;

test.each([
  ['a path', join(mkdtempSync(join(tmpdir(), 'vedette-notify-')), 'notify')],
  ['an abstract name', `@vedette-test-${process.pid}`],
])('reaches %s', async (_, socket) => {
  const receiver = spawn('python3', ['-c', RECEIVER, socket]);
  const lines = createInterface(receiver.stdout)[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('bound');
  expect(notifyService(socket, 'READY=1\nSTATUS=Watching 2 cameras, größtenteils')).toBe(true);
  expect((await lines.next()).value).toBe('READY=1');
  expect((await lines.next()).value).toBe('STATUS=Watching 2 cameras, größtenteils');
  if (receiver.exitCode === null) await once(receiver, 'exit');
  expect(notifyService(socket, 'STOPPING=1')).toBe(false);
});

test('says so when there is nobody', () => {
  expect(notifyService('/nowhere/notify', 'READY=1')).toBe(false);
  expect(notifyService('', 'READY=1')).toBe(false);
});
