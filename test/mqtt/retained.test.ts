// Retained state: what the broker holds in the end is always the newest value of every topic.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RetainedPictures } from '../../src/mqtt/pictures.ts';
import { RetainedState, type RetainedTransport } from '../../src/mqtt/retained.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

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
      const state = new RetainedState(8);
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
  const state = new RetainedState(8);
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
  const state = new RetainedState(8);
  const broker = new Broker();
  void state.attach(broker);
  for (let i = 0; i < 3; i++) {
    state.set('count', '1', 0);
    broker.acknowledge();
    await tick();
  }
  expect(broker.sent).toEqual(['count']);
});

describe('pictures', () => {
  const picture = Buffer.alloc(100_000);

  test('one at a time, newest per topic', async () => {
    const pictures = new RetainedPictures(new FakeClock(), () => undefined);
    const broker = new Broker();
    pictures.attach(broker);
    for (const name of ['a', 'b', 'a']) pictures.set(name, Buffer.from(picture));
    const order: (string | undefined)[] = [];
    while (broker.inFlight.length > 0) {
      expect(broker.inFlight.length).toBe(1);
      order.push(broker.inFlight[0]);
      broker.acknowledge();
      await tick();
    }
    expect([...order].sort()).toEqual(['a', 'a', 'b']);
  });

  test('two connections lost under a picture: larger ones than half of it rest for an hour', async () => {
    const clock = new FakeClock();
    const limits: number[] = [];
    const pictures = new RetainedPictures(clock, (bytes) => limits.push(bytes));
    pictures.set('large', picture);
    for (let loss = 0; loss < 2; loss++) {
      const broker = new Broker();
      pictures.attach(broker);
      expect(broker.inFlight).toEqual(['large']);
      pictures.detach();
      broker.cut();
      await tick();
    }
    expect(limits).toEqual([50_000]);
    const broker = new Broker();
    pictures.attach(broker);
    expect(broker.inFlight).toEqual([]);
    await tick();
    pictures.set('small', Buffer.alloc(40_000));
    expect(broker.inFlight).toEqual(['small']);
    broker.acknowledge();
    await tick();
    clock.advance(3_600_000);
    pictures.set('large', Buffer.from(picture));
    expect(broker.inFlight).toEqual(['large']);
  });

  test('a lost connection between two good ones limits nothing', async () => {
    const pictures = new RetainedPictures(new FakeClock(), () => expect.unreachable());
    for (let round = 0; round < 3; round++) {
      pictures.set('a', Buffer.alloc(100_000, round));
      const lost = new Broker();
      pictures.attach(lost);
      pictures.detach();
      lost.cut();
      await tick();
      const good = new Broker();
      pictures.attach(good);
      good.acknowledge();
      await tick();
      expect(good.values.has('a')).toBe(true);
      pictures.detach();
    }
  });
});
