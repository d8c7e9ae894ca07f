import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../../src/core/backoff.ts';
import { DropCounter } from '../../src/core/counters.ts';
import { AgentError, ERRORS, isCode } from '../../src/core/errors.ts';
import { Histogram } from '../../src/core/histogram.ts';
import { Lifecycle } from '../../src/core/lifecycle.ts';
import { createLog } from '../../src/core/log.ts';
import { redact, redactText } from '../../src/core/redact.ts';
import { ulid } from '../../src/core/ulid.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

const silent = createLog('silent');

describe('Histogram', () => {
  it('answers percentiles at most 10 % above the true ones', () => {
    const values = fc.array(fc.double({ min: 0.05, max: 50_000, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (sample, share) => {
        const histogram = new Histogram();
        for (const value of sample) histogram.add(value);
        const sorted = [...sample].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
        const answer = histogram.percentileMs(share);
        expect(answer).toBeGreaterThanOrEqual(exact * 0.999);
        expect(answer).toBeLessThanOrEqual(exact * 1.101);
      }),
    );
  });
});

describe('Backoff', () => {
  it('doubles up to its limit and starts anew after reset', () => {
    const backoff = new Backoff({ firstMs: 1000, maxMs: 15_000, random: () => 0.5 });
    const delays = Array.from({ length: 6 }, () => backoff.nextMs());
    expect(delays).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
    backoff.reset();
    expect(backoff.nextMs()).toBe(1000);
  });

  it('never leaves its bounds', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(100), (random, tries) => {
        const backoff = new Backoff({ firstMs: 1000, maxMs: 15_000, random: () => random });
        for (let i = 0; i < tries; i++) backoff.nextMs();
        const delayMs = backoff.nextMs();
        expect(delayMs).toBeGreaterThanOrEqual(800);
        expect(delayMs).toBeLessThanOrEqual(15_000);
      }),
    );
  });
});

describe('log', () => {
  it('writes planted secrets nowhere', async () => {
    const stream = new PassThrough();
    const log = createLog('debug', stream);
    log.info(
      {
        url: 'rtsp://admin:s3cr3t@10.0.0.2/stream',
        camera: { password: 's3cr3t', deep: [{ token: 's3cr3t' }] },
        err: new Error('cannot open rtsp://admin:s3cr3t@10.0.0.2/stream'),
      },
      'opening rtsp://admin:s3cr3t@10.0.0.2/stream',
    );
    const text = String(stream.read());
    expect(text).toContain('10.0.0.2');
    expect(text).not.toContain('s3cr3t');
  });

  it('keeps everything else', () => {
    expect(redactText('mqtt://broker:1883 at 12:30@noon')).toBe('mqtt://broker:1883 at 12:30@noon');
    expect(redact({ a: [1, null, 'x'], token_count: 3 })).toEqual({
      a: [1, null, 'x'],
      token_count: 3,
    });
  });
});

describe('errors', () => {
  it('fills the text and keeps code, remedy and exit status', () => {
    const error = new AgentError('BROKER_UNREACHABLE', { url: 'mqtt://b', cause: 'refused' });
    expect(error.message).toBe('the MQTT broker mqtt://b cannot be reached: refused');
    expect(isCode(error, 'BROKER_UNREACHABLE')).toBe(true);
    expect(isCode(error, 'DEFECT')).toBe(false);
    expect(error.exit).toBe(ERRORS.BROKER_UNREACHABLE.exit);
  });
});

describe('Lifecycle', () => {
  const service = (name: string, journal: string[], fails = false) => ({
    name,
    start: async () => {
      if (fails) throw new Error(`${name} is broken`);
      journal.push(`+${name}`);
    },
    stop: async () => {
      journal.push(`-${name}`);
    },
  });

  it('stops in reverse order', async () => {
    const journal: string[] = [];
    const lifecycle = new Lifecycle([service('a', journal), service('b', journal)], silent);
    await lifecycle.start();
    await lifecycle.stop();
    await lifecycle.stop();
    expect(journal).toEqual(['+a', '+b', '-b', '-a']);
  });

  it('undoes what was started when one fails', async () => {
    const journal: string[] = [];
    const services = [service('a', journal), service('b', journal, true), service('c', journal)];
    await expect(new Lifecycle(services, silent).start()).rejects.toThrow('b is broken');
    expect(journal).toEqual(['+a', '-a']);
  });

  it('starts a group side by side, and undoes all of it when one fails', async () => {
    const journal: string[] = [];
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const waits = {
      ...service('a', journal),
      start: async () => {
        await opened;
        journal.push('+a');
      },
    };
    const opens = {
      ...service('b', journal),
      start: async () => {
        open();
        throw new Error('b is broken');
      },
    };
    const order = [service('z', journal), [waits, opens], service('c', journal)];
    await expect(new Lifecycle(order, silent).start()).rejects.toThrow('b is broken');
    expect(journal).toEqual(['+z', '+a', '-a', '-z']);
  });

  it('does not wait for ever for a service that hangs', async () => {
    const journal: string[] = [];
    const hanging = { name: 'h', start: async () => {}, stop: () => new Promise<void>(() => {}) };
    const lifecycle = new Lifecycle([service('a', journal), hanging], silent);
    await lifecycle.start();
    await lifecycle.stop(20);
    expect(journal).toEqual(['+a', '-a']);
  });
});

describe('ulid', () => {
  it('sorts by time and does not repeat', () => {
    const ids = Array.from({ length: 500 }, (_, i) => ulid(1_700_000_000_000 + i));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(Array.from({ length: 2000 }, () => ulid(5))).size).toBe(2000);
    expect(ids[0]).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  });
});

describe('DropCounter', () => {
  it('counts by stage and cause', () => {
    const drops = new DropCounter(new FakeClock(), silent);
    drops.add('decode', 'corrupt');
    drops.add('decode', 'corrupt', 2);
    drops.add('batch', 'frame_gone');
    expect(drops.snapshot()).toEqual({ 'decode/corrupt': 3, 'batch/frame_gone': 1 });
  });
});
