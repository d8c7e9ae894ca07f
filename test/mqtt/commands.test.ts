// The command desk answers everything, whatever arrives.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLog } from '../../src/core/log.ts';
import { CommandDesk } from '../../src/mqtt/commands.ts';

const log = createLog('silent');

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test('any bytes get an answer of the documented shape', async () => {
  const desk = new CommandDesk(log);
  desk.on('echo', async (request) => ({ got: request }));
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map(bytes),
    fc
      .record({ transaction: fc.anything(), x: fc.anything() })
      .map((value) => bytes(JSON.stringify(value) ?? '')),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('echo', 'other'),
      payload,
      fc.boolean(),
      async (name, body, isRetained) => {
        const answer = await desk.answer(name, body, isRetained);
        expect(['ok', 'error']).toContain(answer.status);
        if (answer.status === 'ok') expect(name === 'echo' && !isRetained).toBe(true);
        else {
          expect(answer.data).toEqual({});
          expect(answer.error?.length).toBeGreaterThan(0);
        }
        expect(answer.transaction === undefined || typeof answer.transaction === 'string').toBe(
          true,
        );
      },
    ),
  );
});

test('an empty request is one without parameters', async () => {
  const desk = new CommandDesk(log);
  desk.on('echo', async (request) => ({ got: request }));
  expect(await desk.answer('echo', bytes(''), false)).toEqual({ status: 'ok', data: { got: {} } });
});

test('a request over 256 KiB is refused before it is parsed', async () => {
  const answer = await new CommandDesk(log).answer('echo', new Uint8Array(256 * 1024 + 1), false);
  expect(answer).toMatchObject({ status: 'error', error: expect.stringContaining('262144') });
});

test('four run at once; the fifth is told so, and the place is free again afterwards', async () => {
  const desk = new CommandDesk(log);
  const finish: (() => void)[] = [];
  desk.on('slow', () => new Promise((resolve) => finish.push(() => resolve({}))));
  const running = [1, 2, 3, 4].map(() => desk.answer('slow', bytes('{}'), false));
  const fifth = await desk.answer('slow', bytes('{"transaction":"5"}'), false);
  expect(fifth).toMatchObject({
    status: 'error',
    transaction: '5',
    error: expect.stringContaining('too many'),
  });
  for (const done of finish) done();
  expect((await Promise.all(running)).map(({ status }) => status)).toEqual([
    'ok',
    'ok',
    'ok',
    'ok',
  ]);
  const again = desk.answer('slow', bytes('{}'), false);
  finish.at(-1)?.();
  expect((await again).status).toBe('ok');
});
