// Retained state: what the broker holds in the end is always the newest value of every topic.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RetainedState, type RetainedTransport } from '../../src/mqtt/retained.ts';

/** A broker that acknowledges when told to, and remembers. */
class Broker implements RetainedTransport {
  readonly values = new Map<string, string>();
  readonly sent: string[] = [];
  private open: { topic: string; payload: string; resolve: (ok: boolean) => void }[] = [];

  send(topic: string, payload: string | Buffer): Promise<boolean> {
    this.sent.push(topic);
    return new Promise((resolve) =>
      this.open.push({ topic, payload: payload.toString(), resolve }),
    );
  }

  get inFlight(): string[] {
    return this.open.map(({ topic }) => topic);
  }

  acknowledge(): void {
    const next = this.open.shift();
    if (next === undefined) return;
    if (next.payload === '') this.values.delete(next.topic);
    else this.values.set(next.topic, next.payload);
    next.resolve(true);
  }

  cut(): void {
    for (const { resolve } of this.open) resolve(false);
    this.open = [];
  }
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('after any sequence of changes, losses and reconnects the broker has the newest values', async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      topic: fc.nat(5),
      value: fc.constantFrom('', 'a', 'b', 'c'),
    }),
    fc.record({ kind: fc.constant('ack' as const), topic: fc.constant(0), value: fc.constant('') }),
    fc.record({ kind: fc.constant('cut' as const), topic: fc.constant(0), value: fc.constant('') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const state = new RetainedState();
      const wanted = new Map<string, string>();
      let broker = new Broker();
      void state.attach(broker);
      for (const { kind, topic, value } of steps) {
        if (kind === 'set') {
          wanted.set(`t${topic}`, value);
          state.set(`t${topic}`, value, 1);
        } else if (kind === 'ack') broker.acknowledge();
        else {
          state.detach();
          broker.cut();
          const values = broker.values;
          broker = new Broker();
          for (const [name, old] of values) broker.values.set(name, old);
          void state.attach(broker);
        }
        expect(new Set(broker.inFlight).size).toBe(broker.inFlight.length);
        await tick();
      }
      while (broker.inFlight.length > 0) {
        broker.acknowledge();
        await tick();
      }
      for (const [name, value] of wanted) expect(broker.values.get(name) ?? '').toBe(value);
    }),
  );
});

test('values in between are never sent while the line is slow', async () => {
  const state = new RetainedState();
  const broker = new Broker();
  void state.attach(broker);
  for (let i = 0; i < 1000; i++) state.set('count', String(i), 0);
  while (broker.inFlight.length > 0) {
    broker.acknowledge();
    await tick();
  }
  expect(broker.sent.length).toBe(2);
  expect(broker.values.get('count')).toBe('999');
});

test('the same text again is not sent again', async () => {
  const state = new RetainedState();
  const broker = new Broker();
  void state.attach(broker);
  for (let i = 0; i < 3; i++) {
    state.set('count', '1', 0);
    broker.acknowledge();
    await tick();
  }
  expect(broker.sent).toEqual(['count']);
});

test('pictures go last, one at a time, and nobody waits for them', async () => {
  const state = new RetainedState();
  for (const name of ['a', 'b']) state.set(`snapshot/${name}`, Buffer.alloc(100_000, name), 0);
  for (const name of ['x', 'y']) state.set(`status/${name}`, 'live', 1);
  const broker = new Broker();
  let isThere = false;
  const attached = state.attach(broker).then(() => {
    isThere = true;
  });
  expect(broker.inFlight).toEqual(['status/x', 'status/y']);
  broker.acknowledge();
  await tick();
  expect(isThere).toBe(false);
  broker.acknowledge();
  await attached;
  await tick();
  expect(broker.inFlight).toEqual(['snapshot/a']);
  broker.acknowledge();
  await tick();
  expect(broker.inFlight).toEqual(['snapshot/b']);
});
