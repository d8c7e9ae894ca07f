// The log topic: warnings and errors, a few a minute, with a count of the others.
import { expect, test } from 'vitest';
import { createLog } from '../../src/core/log.ts';
import { LogTopic } from '../../src/mqtt/log-topic.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

test('ten a minute, then a count of what was held back; info never', () => {
  const clock = new FakeClock();
  const published: Record<string, unknown>[] = [];
  const topic = new LogTopic({ clock, publish: (payload) => published.push(JSON.parse(payload)) });
  const log = createLog('info', topic as unknown as NodeJS.WritableStream);
  for (let i = 0; i < 40; i++) {
    log.info('not worth it');
    log.warn({ i }, 'camera stalled');
  }
  expect(published.length).toBe(10);
  clock.advance(60_000);
  log.error({ password: 'hunter2' }, 'broken');
  expect(published.at(-1)).toMatchObject({
    level: 'error',
    msg: 'broken',
    suppressed: 30,
    password: '***',
  });
  expect(published.slice(0, 10).map(({ i }) => i)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});
