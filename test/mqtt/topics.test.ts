// Topics: the documented tree is the real one, and no name can break out of its level.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TOPICS, type TopicName, TopicTree } from '../../src/mqtt/topics.ts';

const tree = new TopicTree('vedette', 'gate-2');
const names = Object.keys(TOPICS) as TopicName[];
/** Anything that a person, a config file or a model could call something. */
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', '+', '#', '/', '$', '\0', '\ud800', 'ü') }),
);

test('docs/mqtt.md lists exactly the topics that exist', () => {
  const rows = readFileSync('docs/mqtt.md', 'utf8')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => cells[1]?.startsWith('`vedette/<device>/'))
    .map((cells) => ({
      path: cells[1]?.slice('`vedette/<device>/'.length, -1),
      direction: cells[2],
      retained: cells[3] === 'yes',
      qos: Number(cells[4]),
    }));
  const specs = names.map((name) => {
    const { path, direction, retained, qos } = TOPICS[name];
    return { path: path.replace(/\{(\w+)\}/g, '<$1>'), direction, retained, qos };
  });
  expect(rows).toEqual(specs);
});

test('full paths', () => {
  expect(tree.path('status')).toBe('vedette/gate-2/status');
  expect(tree.path('cameraCount', { camera: 'front', label: 'traffic light' })).toBe(
    'vedette/gate-2/cam/front/count/traffic light',
  );
  expect(tree.path('response', { command: 'config/get' })).toBe('vedette/gate-2/rsp/config/get');
  expect(new TopicTree('home/cams', 'x').path('log')).toBe('home/cams/x/log');
});

test.each(['', 'a+b', '#', 'a/b', 'a\0b', 'a\nb', '\ud800', 'x'.repeat(129)])(
  'the device name %j is refused',
  (device) => {
    expect(() => new TopicTree('vedette', device)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  },
);

test.each(['', '/', 'a//b', 'a/', '$SYS', '$share/x', 'a/+/b', 'a/#'])(
  'the prefix %j is refused',
  (prefix) => {
    expect(() => new TopicTree(prefix, 'gate-2')).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  },
);

describe('for any names', () => {
  test('a topic is legal and has as many levels as its pattern, or building it throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        anyText,
        anyText,
        anyText,
        (name, camera, label, key) => {
          let topic: string;
          try {
            topic = tree.path(name, { camera, label, key, command: 'config/get' });
          } catch (error) {
            expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
            return;
          }
          expect(topic).not.toMatch(/[+#\p{Cc}\p{Cs}]/u);
          const levels = tree.base.split('/').length + TOPICS[name].path.split('/').length;
          const commandLevels = TOPICS[name].path.includes('{command}') ? 1 : 0;
          expect(topic.split('/').length).toBe(levels + commandLevels);
          expect(Buffer.byteLength(topic)).toBeLessThan(65_536);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('labels never throw', () => {
    fc.assert(
      fc.property(anyText, (label) => void tree.path('cameraCount', { camera: 'front', label })),
    );
  });

  test('what is published is never understood as a request', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.stringMatching(/^[a-z]{1,8}$/), (name, text) => {
        const topic = tree.path(name, { camera: text, label: text, key: text, command: text });
        expect(tree.parse(topic) !== undefined).toBe(TOPICS[name].direction === 'in');
      }),
    );
  });
});

test.each([
  ['vedette/gate-2/cmd/config/get', { name: 'command', fields: { command: 'config/get' } }],
  [
    'vedette/gate-2/cam/front/set/detect',
    { name: 'cameraSet', fields: { camera: 'front', key: 'detect' } },
  ],
  ['vedette/gate-2/cmd/', undefined],
  ['vedette/gate-2/cmd/../x', undefined],
  ['vedette/gate-2/cmd/a/b/c/d', undefined],
  ['vedette/gate-2/cmd/A', undefined],
  ['vedette/gate-2/cam/front/set/a/b', undefined],
  ['vedette/gate-2/cam//set/a', undefined],
  ['vedette/gate-22/cmd/restart', undefined],
  ['other/gate-2/cmd/restart', undefined],
])('%s', (topic, meaning) => {
  expect(tree.parse(topic)).toEqual(meaning);
});
