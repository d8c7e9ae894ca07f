// Commands over a real Unix socket: answered, bounded, private, and never two agents on one folder.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLog } from '../../src/core/log.ts';
import { CommandDesk } from '../../src/mqtt/commands.ts';
import { askAgent, ControlSocket } from '../../src/remote/control-socket.ts';

const log = createLog('silent');
let folder: string;
let open: ControlSocket[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-control-'));
  open = [];
});

afterEach(async () => {
  for (const socket of open) await socket.stop();
  rmSync(folder, { recursive: true });
});

async function listen(path = join(folder, 'control.sock')): Promise<string> {
  const desk = new CommandDesk(log);
  desk.on('add', async ({ a, b }) => ({ sum: Number(a) + Number(b) }));
  const answer = (name: string, payload: Uint8Array) => desk.answer(name, payload, false);
  const socket = new ControlSocket({ path, log, answer });
  await socket.start();
  open.push(socket);
  return path;
}

test('a command is answered, an unknown one refused with what is known', async () => {
  const path = await listen();
  expect(await askAgent(path, { command: 'add', a: 2, b: 3 })).toEqual({
    status: 'ok',
    data: { sum: 5 },
  });
  const refused = await askAgent(path, { command: 'substract' });
  expect(refused.status).toBe('error');
  expect(refused.error).toContain('known are add');
});

test('lines that are no request get an answer, endless ones are cut off', async () => {
  const path = await listen();
  const say = (text: string) =>
    new Promise<string>((resolve) => {
      let said = '';
      const socket = connect(path, () => socket.write(text));
      socket.on('data', (chunk) => (said += chunk)).on('error', () => undefined);
      socket.on('close', () => resolve(said));
    });
  expect(JSON.parse(await say('hello\n'))).toMatchObject({ status: 'error' });
  expect(await say('x'.repeat(300 * 1024))).toBe('');
  expect((await askAgent(path, { command: 'add', a: 1, b: 1 })).data).toEqual({ sum: 2 });
});

test('only its user may connect, and a leftover of a killed agent is in nobody’s way', async () => {
  const path = join(folder, 'control.sock');
  writeFileSync(path, '');
  await listen(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a second agent on the same folder is refused and the first one goes on', async () => {
  const path = await listen();
  await expect(listen(path)).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
  expect((await askAgent(path, { command: 'add', a: 1, b: 1 })).status).toBe('ok');
});

test('nobody there is said so, with the path', async () => {
  const path = join(folder, 'nobody.sock');
  await expect(askAgent(path, { command: 'add' })).rejects.toMatchObject({
    code: 'AGENT_UNREACHABLE',
  });
});
