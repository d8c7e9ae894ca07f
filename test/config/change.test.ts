// Diff and merge: what they say changed is what changed, and nothing else.
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Change, differences, isEmptyPlan, planChange } from '../../src/config/diff.ts';
import { completeSecrets, mergePatch, toYaml } from '../../src/config/merge.ts';
import { type Config, configSchema } from '../../src/config/schema/config.ts';
import { type Path, rootOf } from '../../src/config/schema/keys.ts';
import { hideSecrets } from '../../src/config/secrets.ts';
import { validate } from '../../src/config/validate.ts';
import { written } from './arbitraries.ts';

function configOf(data: unknown): Config {
  return v.parse(configSchema, data);
}

function applyChange(data: unknown, path: Path, to: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return to;
  const block = { ...(data as Record<string, unknown>) };
  const value = applyChange(block[step], rest, to);
  if (value === undefined) delete block[step];
  else block[step] = value;
  return block;
}

describe('differences', () => {
  it('applied to the old configuration give the new one', () => {
    fc.assert(
      fc.property(written, written, (a, b) => {
        const [before, after] = [configOf(a), configOf(b)];
        const changes: Change[] = differences(before, after);
        const result = changes.reduce<unknown>(
          (data, { path, to }) => applyChange(data, path, to),
          before,
        );
        expect(result).toEqual(after);
        expect(isEmptyPlan(planChange(before, before))).toBe(true);
      }),
    );
  });
});

describe('planChange', () => {
  const base = { cameras: { a: 'rtsp://h/a', b: 'rtsp://h/b' }, mqtt: { url: 'mqtt://x' } };
  const plan = (data: unknown) => planChange(configOf(base), configOf(data));

  it('touches only cameras that changed', () => {
    const { cameras, live, agent } = plan({
      ...base,
      cameras: { a: { url: 'rtsp://h/a', transport: 'udp' }, c: '/c' },
    });
    expect(cameras).toEqual({ added: ['c'], removed: ['b'], changed: ['a'] });
    expect([...live, ...agent]).toEqual([]);
  });

  it('judges a block that comes or goes by the keys in it', () => {
    const corners = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ];
    const ground = { picture: corners, metres: corners };
    const { live, agent, cameras } = plan({
      ...base,
      cameras: { ...base.cameras, a: { url: 'rtsp://h/a', ground } },
      zones: { gate: { camera: 'a', polygon: corners } },
      // biome-ignore lint/suspicious/noThenProperty: the key of a rule
      rules: { late: { when: { label: 'person' }, then: { event: 'late' } } },
    });
    expect(live.toSorted()).toEqual(['cameras.a.ground', 'rules.late', 'zones.gate']);
    expect([...agent, ...cameras.changed]).toEqual([]);
    expect(plan({ cameras: base.cameras }).agent).toEqual(['mqtt']);
  });

  it('takes either of two streams for the camera', () => {
    const two = (record: unknown) => ({ streams: { detect: 'rtsp://h/a', record } });
    const from = (a: unknown, b: unknown) =>
      planChange(configOf({ cameras: { a } }), configOf({ cameras: { a: b } }));
    for (const [a, b] of [
      ['rtsp://h/a', two('rtsp://h/b')],
      [two('rtsp://h/b'), two('rtsp://h/c')],
      [two('rtsp://h/b'), two({ url: 'rtsp://h/b', transport: 'udp' })],
      [two('rtsp://h/b'), { ...two('rtsp://h/b'), password: 'p' }],
      [two('rtsp://h/b'), 'rtsp://h/a'],
    ]) {
      const { cameras, live, agent } = from(a, b);
      expect({ changed: cameras.changed, live, agent }).toEqual({
        ...{ changed: ['a'], live: [], agent: [] },
      });
    }
    expect(isEmptyPlan(from('rtsp://h/a', { streams: { detect: 'rtsp://h/a' } }))).toBe(true);
  });

  it('knows what the running agent can take over', () => {
    const { cameras, live, agent } = plan({
      cameras: { ...base.cameras, a: { url: 'rtsp://h/a', fps: 9, labels: ['car'] } },
      mqtt: { url: 'mqtt://y' },
      log: { level: 'debug' },
    });
    expect(cameras.changed).toEqual([]);
    expect(live.toSorted()).toEqual(['cameras.a.fps', 'cameras.a.labels', 'log.level']);
    expect(agent).toEqual(['mqtt.url']);
  });
});

/** RFC 7396 on plain data: the oracle. */
function patched(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isBlock = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isBlock ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = patched(result[key], value);
  }
  return result;
}

describe('mergePatch', () => {
  it('equals RFC 7396 on plain data', () => {
    const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.stringMatching(/^[ -~]{0,6}$/));
    const key = fc.constantFrom('a', 'b', 'c', 'd e');
    const tree = fc.letrec((tie) => ({
      tree: fc.dictionary(key, fc.oneof(leaf, fc.array(leaf, { maxLength: 2 }), tie('tree')), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    })).tree;
    const patch = fc.letrec((tie) => ({
      tree: fc.dictionary(key, fc.oneof(leaf, fc.constant(null), tie('tree')), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    })).tree;
    fc.assert(
      fc.property(tree, patch, (target, change) => {
        expect(parse(mergePatch(toYaml(target), change)) ?? {}).toEqual(patched(target, change));
      }),
    );
  });

  it('makes a block of a camera or a stream in its short form', () => {
    const two = 'cameras: { a: { streams: { detect: rtsp://h/s, record: rtsp://h/l } } }';
    const merged = (patch: unknown) => parse(mergePatch(two, { cameras: { a: patch } })).cameras.a;
    expect(merged({ streams: { record: { transport: 'udp' } } }).streams).toEqual({
      detect: 'rtsp://h/s',
      record: { url: 'rtsp://h/l', transport: 'udp' },
    });
    expect(merged({ streams: null, url: 'rtsp://h/m' })).toEqual({ url: 'rtsp://h/m' });
  });

  it('keeps comments, order and quoting', () => {
    const text = `# the gate
cameras:
  front:
    # by the door
    url: "rtsp://h/1" # main stream
    fps: 5
  # not in use: back
log: {level: info}
`;
    expect(
      mergePatch(text, { cameras: { front: { fps: 8 } }, log: { level: 'debug' } }),
    ).toBe(`# the gate
cameras:
  front:
    # by the door
    url: "rtsp://h/1" # main stream
    fps: 8
  # not in use: back
log: { level: debug }
`);
  });

  it('opens short forms and copies aliases before it changes them', () => {
    const text = 'cameras:\n  a: rtsp://h/a\n  b: &b { url: /b }\n  c: *b\nmodel: yolox\n';
    const result = parse(
      mergePatch(text, { cameras: { a: { fps: 2 }, c: { url: '/c' } }, model: { min_score: 0.2 } }),
    );
    expect(result).toEqual({
      cameras: { a: { url: 'rtsp://h/a', fps: 2 }, b: { url: '/b' }, c: { url: '/c' } },
      model: { name: 'yolox', min_score: 0.2 },
    });
  });

  it('does not reach prototypes', () => {
    const patch = JSON.parse('{"__proto__": {"polluted": 1}, "cameras": {"__proto__": {"x": 1}}}');
    const text = mergePatch('cameras: { a: /x }', patch);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(validate(text, { name: 'x', environment: {} }).config).toBeUndefined();
  });
});

describe('secrets', () => {
  it('survive being shown, edited and sent back', () => {
    fc.assert(
      fc.property(written, (data) => {
        const text = toYaml(data);
        const shown = hideSecrets(data, rootOf(configSchema));
        expect(parse(completeSecrets(toYaml(shown), text))).toEqual(data);
        expect(parse(mergePatch(text, shown))).toEqual(data);
      }),
    );
  });

  it('are hidden wherever the schema has them, and inside addresses', () => {
    const data = {
      cameras: {
        a: 'rtsp://u:planted@h/x',
        b: { url: '/x', password: 'planted' },
        c: { url: '/x', password: { file: '/run/secrets/c' } },
        d: { streams: { detect: 'rtsp://u:planted@h/s', record: { url: 'rtsp://u:planted@h/l' } } },
      },
      mqtt: { url: 'mqtt://u:planted@h', password: 'planted' },
      alerts: [{ name: 'a', url: 'http://x', secret: 'planted', headers: { 'X-Key': 'planted' } }],
    };
    const shown = hideSecrets(data, rootOf(configSchema));
    expect(JSON.stringify(shown)).not.toContain('planted');
    expect(shown).toMatchObject({
      cameras: {
        a: 'rtsp://u:***@h/x',
        c: { password: { file: '/run/secrets/c' } },
        d: { streams: { detect: 'rtsp://u:***@h/s', record: { url: 'rtsp://u:***@h/l' } } },
      },
    });
    expect(parse(completeSecrets(toYaml(shown), toYaml(data)))).toEqual(data);
  });

  it('do not follow an address to another host', () => {
    const text = completeSecrets(
      'cameras: { a: "rtsp://u:***@evil/x" }',
      'cameras: { a: "rtsp://u:planted@h/x" }',
    );
    expect(text).not.toContain('planted');
    expect(validate(text, { name: 'x', environment: {} }).problems).toHaveLength(1);
  });
});
