// Golden error texts, and what a valid configuration turns into.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblems } from '../../src/config/problem.ts';
import { validate } from '../../src/config/validate.ts';
import { isCode } from '../../src/core/errors.ts';
import { temporaryFolder } from './temporary.ts';

const GOLDEN = new URL('../golden/config/', import.meta.url).pathname;
const ENVIRONMENT = { SET: 'value-of-set', PASSWORD: 'p@ss/word', EMPTY: '' };

function configOf(text: string, environment = {}) {
  const { config, problems } = validate(text, {
    name: 'test.yaml',
    environment: { ...ENVIRONMENT, ...environment },
  });
  expect(formatProblems(problems)).toBe('');
  return config!;
}

function problemsOf(text: string, environment = {}): string {
  const { problems } = validate(text, {
    name: 'test.yaml',
    environment: { ...ENVIRONMENT, ...environment },
  });
  return formatProblems(problems);
}

describe('error texts', () => {
  for (const file of readdirSync(GOLDEN).filter((name) => name.endsWith('.yaml'))) {
    it(file, async () => {
      const text = readFileSync(join(GOLDEN, file), 'utf8');
      const { problems, config } = validate(text, { name: file, environment: ENVIRONMENT });
      expect(config).toBeUndefined();
      const shown = formatProblems(problems);
      expect(shown).not.toMatch(/hunter2|hun\/ter2|value-of-set/);
      await expect(`${shown}\n`).toMatchFileSnapshot(join(GOLDEN, file.replace(/yaml$/, 'txt')));
    });
  }
});

describe('cameras', () => {
  it('takes a camera as a single address', () => {
    const { cameras } = configOf('cameras: { front: rtsp://h/s }');
    expect(cameras.front).toMatchObject({ url: 'rtsp://h/s', fps: 5, transport: 'tcp' });
  });

  it('takes two streams of one camera, with what they share said once', () => {
    const { cameras } = configOf(`cameras:
      a: { streams: { detect: rtsp://h/small, record: rtsp://h/large }, username: u, password: p }
      b:
        transport: udp
        streams:
          detect: { url: rtsp://d:pd@h/small, max_size: [640, 480] }
          record: { url: rtsp://r:pr@h/large, transport: tcp }
      c: { streams: { detect: rtsp://h/small } }`);
    expect(cameras.a).toMatchObject({
      ...{ url: 'rtsp://h/small', username: 'u', password: 'p', transport: 'tcp' },
      streams: {
        record: {
          ...{ url: 'rtsp://h/large', username: 'u', password: 'p', transport: 'tcp' },
          max_size: [4096, 2304],
        },
      },
    });
    expect(cameras.b).toMatchObject({
      ...{ url: 'rtsp://h/small', username: 'd', password: 'pd', transport: 'udp' },
      max_size: [640, 480],
      streams: {
        record: {
          ...{ url: 'rtsp://h/large', username: 'r', password: 'pr', transport: 'tcp' },
          max_size: [4096, 2304],
        },
      },
    });
    expect(cameras.c).toEqual(configOf('cameras: { c: rtsp://h/small }').cameras.c);
  });

  it('separates credentials from the address, and keys of their own win', () => {
    const { cameras } = configOf(`cameras:
      a: rtsp://admin:p%40ss@h:8554/s
      b: { url: rtsp://admin:old@h/s, password: new }
      c: { host: 10.0.0.9, path: /live, username: u, password: 'a:b@c/d' }
      d: { host: h, port: 10554 }
      e: rtsp://admin:p@ss#1@h/s`);
    expect(cameras.a).toMatchObject({
      url: 'rtsp://h:8554/s',
      username: 'admin',
      password: 'p@ss',
    });
    expect(cameras.b).toMatchObject({ url: 'rtsp://h/s', username: 'admin', password: 'new' });
    expect(cameras.c).toMatchObject({ url: 'rtsp://10.0.0.9:554/live', password: 'a:b@c/d' });
    expect(cameras.d).toMatchObject({ url: 'rtsp://h:10554/' });
    expect(cameras.e).toMatchObject({ url: 'rtsp://h/s', password: 'p@ss#1' });
    expect(cameras.c).not.toHaveProperty('host');
  });

  it('shares settings through anchors and merge keys', () => {
    const { cameras } = configOf(`cameras:
      a: &a { url: rtsp://h/a, fps: 7 }
      b: { <<: *a, url: rtsp://h/b }`);
    expect(cameras.b).toMatchObject({ url: 'rtsp://h/b', fps: 7 });
  });

  it('names the line of a value that came through a merge key', () => {
    expect(problemsOf(`cameras:\n  a: &a { url: /x, fps: 0 }\n  b: { <<: *a, url: /y }`)).toContain(
      'test.yaml:2:25  cameras.a.fps',
    );
  });

  it('refuses names that prototypes have', () => {
    for (const id of ['__proto__', 'constructor', 'prototype', 'toString']) {
      const { config, problems } = validate(`cameras: { ${id}: /x, ok: /y }`, {
        name: 'test.yaml',
        environment: {},
      });
      const isThere = config !== undefined && Object.hasOwn(config.cameras, id);
      expect(isThere || problems.length > 0, id).toBe(true);
      expect(({} as { url?: string }).url).toBeUndefined();
    }
  });
});

describe('references', () => {
  it('reads the environment, with defaults and escapes', () => {
    const { cameras } = configOf(`cameras:
      a: { url: 'rtsp://h/\${SET}', password: '\${PASSWORD}' }
      b: { url: /x, password: '\${UNSET:-fallback}' }
      c: { url: /x, password: '$\${SET}' }
      d: { url: /x, password: 'pa$$word' }`);
    expect(cameras.a).toMatchObject({ url: 'rtsp://h/value-of-set', password: 'p@ss/word' });
    expect(cameras.b?.password).toBe('fallback');
    expect(cameras.c?.password).toBe('${SET}');
    expect(cameras.d?.password).toBe('pa$$word');
  });

  it('reads secrets from files, without the last line end', () => {
    const file = join(temporaryFolder(), 'secret');
    writeFileSync(file, 'from file\n');
    const { cameras } = configOf(`cameras: { a: { url: /x, password: { file: ${file} } } }`);
    expect(cameras.a?.password).toBe('from file');
  });

  it('neither waits for a pipe nor reads a device', () => {
    for (const path of ['/dev/zero', '/proc/self/fd', '/dev/tty']) {
      expect(problemsOf(`cameras: { a: { url: /x, password: { file: ${path} } } }`)).toMatch(
        /is not a file|cannot be read/,
      );
    }
  });
});

describe('overrides', () => {
  it('sets single keys from the environment', () => {
    const { cameras, mqtt, runtime } = configOf('cameras: { Front_1: /x }', {
      VEDETTE_CONFIG__CAMERAS__FRONT_1: '{ url: /y, fps: 9 }',
      VEDETTE_CONFIG__MQTT__URL: 'mqtt://broker',
      VEDETTE_CONFIG__MQTT__PASSWORD: '12345',
      VEDETTE_CONFIG__RUNTIME__SESSIONS: '3',
      VEDETTE_CONFIG__MQTT__PUBLISH_TRACKS: 'true',
    } as Record<string, string>);
    expect(cameras).toHaveProperty('Front_1');
    expect(mqtt).toMatchObject({ password: '12345', publish_tracks: true });
    expect(runtime.sessions).toBe(3);
  });

  it('names the variable that is wrong', () => {
    const text = problemsOf('cameras: { a: /x }', { VEDETTE_CONFIG__LOG__LEVEL: 'loud' });
    expect(text).toMatch(/^VEDETTE_CONFIG__LOG__LEVEL {2}log\.level {2}found "loud"/);
    const unknown = problemsOf('cameras: { a: /x }', { VEDETTE_CONFIG__LOGG: 'loud' });
    expect(unknown).toBe('VEDETTE_CONFIG__LOGG  logg  unknown key; did you mean "log"?');
  });
});

describe('warnings and checks', () => {
  it('warns of a source that is opened twice and of cameras that are all off', () => {
    const { warnings } = validate('cameras: { a: rtsp://u:p@h/x, b: rtsp://h/x }', {
      name: 'test.yaml',
      environment: {},
    });
    expect(formatProblems(warnings)).toContain('the same source as camera "a"');
    const off = validate('cameras: { a: { url: /x, enabled: false } }', {
      name: 'test.yaml',
      environment: {},
    });
    expect(formatProblems(off.warnings)).toContain('no camera is enabled');
  });

  it('asks callers about what only they know', () => {
    const { problems } = validate('cameras: { a: /x }\nmodel: yolo99', {
      name: 'test.yaml',
      environment: {},
      checks: [
        ({ model }) => [
          { severity: 'error', path: ['model'], message: `no model is called ${model.name}` },
        ],
      ],
    });
    expect(formatProblems(problems)).toContain(
      'test.yaml:2:8  model  no model is called yolo99\n    2 | model: yolo99\n      |        ^^^^^^',
    );
  });
});

describe('loadConfig', () => {
  it('says that a file is missing, a folder, binary or far too long', () => {
    const folder = temporaryFolder();
    const binary = join(folder, 'binary');
    writeFileSync(binary, Buffer.from([0xff, 0xfe, 0x00]));
    const long = join(folder, 'long');
    writeFileSync(long, 'x'.repeat(300_000));
    for (const path of [join(folder, 'missing'), folder, binary, long]) {
      let thrown: unknown;
      try {
        loadConfig(path, {});
      } catch (error) {
        thrown = error;
      }
      expect(isCode(thrown, 'CONFIG_UNREADABLE'), path).toBe(true);
    }
  });

  it('throws all problems as one error', () => {
    const path = join(temporaryFolder(), 'config.yaml');
    writeFileSync(path, 'cameras: { a: { fps: 0 } }\nlog: { level: x }\n');
    expect(() => loadConfig(path, {})).toThrow(/has 3 problem\(s\)/);
  });
});
