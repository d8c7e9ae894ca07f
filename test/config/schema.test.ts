// The schema is the source of documentation, change plans and defaults: it must be complete.
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { CONFIG_KEYS, explainKey } from '../../src/config/explain.ts';
import { nearest } from '../../src/config/problem.ts';
import { type Config, configSchema } from '../../src/config/schema/config.ts';
import { metadataAt, rootOf } from '../../src/config/schema/keys.ts';
import { hideCredentials, parseSource } from '../../src/config/source-url.ts';
import { DEFAULT_TRACKING, trackingFor } from '../../src/track/tracking-config.ts';

describe('schema', () => {
  it('says of every key what it is for and how a change applies', () => {
    expect(CONFIG_KEYS.length).toBeGreaterThan(60);
    for (const key of CONFIG_KEYS) {
      if (key.pattern.endsWith('>')) continue;
      expect(key.description, key.pattern).not.toBe('');
      const path = key.pattern.split('.').map((word) => (word === '<n>' ? 0 : word));
      if (!key.isBlock) {
        expect(metadataAt(rootOf(configSchema), path)?.apply, key.pattern).toBeDefined();
      }
    }
  });

  it('marks every key whose name sounds secret', () => {
    for (const { pattern, secret } of CONFIG_KEYS) {
      if (/password|secret|token/.test(pattern)) expect(secret, pattern).toBe(true);
    }
  });

  it('has the defaults of the trackers, and fits their type', () => {
    const { tracking }: Config = v.parse(configSchema, { cameras: { a: '/x' } });
    expect(trackingFor(undefined, tracking)).toEqual(DEFAULT_TRACKING);
  });

  it('asks for nothing but a camera', () => {
    expect(v.safeParse(configSchema, { cameras: { a: '/x' } }).success).toBe(true);
    expect(CONFIG_KEYS.filter((key) => key.isRequired).map((key) => key.pattern)).toEqual([
      'device.location.latitude',
      'device.location.longitude',
      'cameras',
      'cameras.<id>.streams.detect',
      'cameras.<id>.streams.detect.url',
      'cameras.<id>.streams.record.url',
      'cameras.<id>.ground.picture',
      'cameras.<id>.ground.metres',
      'runtime.plugins.<n>.name',
      'runtime.plugins.<n>.library',
      'zones.<id>.camera',
      'zones.<id>.polygon',
      'zones.<id>.crowd.count',
      'lines.<id>.camera',
      'lines.<id>.points',
      'rules.<id>.when',
      'rules.<id>.then',
      'rules.<id>.then.event',
      'rules.<id>.quiet.<n>.time',
      'mqtt.url',
      'alerts.<n>.name',
      'alerts.<n>.url',
    ]);
  });
});

describe('explain', () => {
  it('finds keys as written, without ids, and by their last word', () => {
    for (const name of ['cameras.fps', 'cameras.front.fps', 'cameras.<id>.fps', 'fps']) {
      expect(explainKey(name).text, name).toMatch(/^cameras\.<id>\.fps\n/);
    }
    expect(explainKey('tracking').text).toContain('lost_s');
    expect(explainKey('mqtt.pasword')).toEqual({ near: 'mqtt.password' });
    expect(explainKey('qqqqqqqq')).toEqual({});
  });
});

describe('parseSource', () => {
  it.each([
    ['rtsp://h', { url: 'rtsp://h' }],
    ['RTSP://h:554/a?b=c#d', { url: 'rtsp://h:554/a?b=c#d' }],
    ['rtsps://u@h/', { url: 'rtsps://h/', username: 'u' }],
    ['rtsp://u:@h/', { url: 'rtsp://h/', username: 'u' }],
    ['rtsp://u:p:q@h/', { url: 'rtsp://h/', username: 'u', password: 'p:q' }],
    ['rtsp://u:100%@h/', { url: 'rtsp://h/', username: 'u', password: '100%' }],
    ['rtsp://h/path@with:signs', { url: 'rtsp://h/path@with:signs' }],
    ['rtsp://[fe80::1]:554/x', { url: 'rtsp://[fe80::1]:554/x' }],
    ['/dev/video0', { url: '/dev/video0' }],
    ['./clip.mp4', { url: './clip.mp4' }],
  ])('%s', (text, parts) => expect(parseSource(text)).toEqual(parts));

  it.each([
    '',
    'clip.mp4',
    'http://h/x',
    'rtsp://',
    'rtsp://u:p@/x',
    'rtsp://h:99999/x',
    'rtsp://h/a b',
    'exec:rm -rf /',
    'rtsp://u:p/q@h/x',
  ])('refuses %j', (text) => expect(parseSource(text)).toBeUndefined());

  it('shows no credentials of any address', () => {
    expect(hideCredentials('rtsp://u:p/q@@h/x')).toBe('rtsp://***@h/x');
  });
});

describe('nearest', () => {
  it('finds slips and swaps, and nothing that is far away', () => {
    expect(nearest('pasword', ['password', 'path'])).toBe('password');
    expect(nearest('fsp', ['fps', 'port'])).toBe('fps');
    expect(nearest('url', ['password'])).toBeUndefined();
    expect(nearest('x'.repeat(10_000), ['password'])).toBeUndefined();
  });
});
