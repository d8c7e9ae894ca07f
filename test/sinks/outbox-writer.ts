// A process that writes events to an outbox until it is killed, and prints every number that is safe.
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { Outbox } from '../../src/sinks/outbox.ts';
import { Store } from '../../src/sinks/store.ts';
import { eventRecord } from './records.ts';

const [path = '', first = '1'] = process.argv.slice(2);
const store = new Store();
const outbox = new Outbox({
  path,
  readers: ['mqtt'],
  file: store.outbox,
  clock: systemClock,
  log: createLog('warn'),
  commitMs: 5,
});
await outbox.open();
for (let seq = Number(first); ; seq++) {
  outbox.write([eventRecord(seq)]);
  if (seq % 7 !== 0) continue;
  await outbox.flush(10_000);
  if (outbox.health().backlog === 0) process.stdout.write(`${seq}\n`);
}
