// Arbitrary text ends in a configuration or in problems, quickly, and never shows a planted secret.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completeSecrets, mergePatch, toYaml } from '../../src/config/merge.ts';
import { formatProblems } from '../../src/config/problem.ts';
import { validate } from '../../src/config/validate.ts';
import { AgentError } from '../../src/core/errors.ts';
import { written } from './arbitraries.ts';

const OPTIONS = { name: 'fuzz.yaml', environment: { PLANTED: 'planted-secret' } };
const PIECES = [
  'cameras:',
  'a: ',
  'url: ',
  'password: ',
  '\n',
  '\n  ',
  '\n    ',
  '\t',
  '- ',
  '{',
  '}',
  '[',
  ']',
  ',',
  ': ',
  '"',
  "'",
  '|',
  '>',
  '&a ',
  '*a ',
  '<<: ',
  '!!map ',
  '!x ',
  '---\n',
  '...\n',
  '#',
  '%',
  '@',
  '`',
  '? ',
  '~',
  'null',
  '${PLANTED}',
  '${',
  '$${',
  '1e999',
  '0x',
  '.inf',
  '\u0000',
  '\ufeff',
  '__proto__: ',
  'rtsp://u:p@h/x',
  '/x',
  'é😀',
];

function check(text: string): void {
  const { problems, warnings, config } = validate(text, OPTIONS);
  expect(config !== undefined || problems.length > 0).toBe(true);
  expect(formatProblems([...problems, ...warnings])).not.toContain('planted-secret');
}

describe('any text', () => {
  it('made of anything', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), check), { numRuns: 100 });
  });

  it('made of the pieces of YAML', () => {
    const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 });
    fc.assert(
      fc.property(text, (pieces) => check(pieces.join(''))),
      { numRuns: 100 },
    );
  });

  it('that was valid until something was cut or put in', () => {
    const edit = fc.tuple(fc.nat(), fc.nat(5), fc.constantFrom('', ...PIECES));
    fc.assert(
      fc.property(written, fc.array(edit, { minLength: 1, maxLength: 3 }), (data, edits) => {
        let text = toYaml(data);
        for (const [at, cut, piece] of edits) {
          const start = at % (text.length + 1);
          text = text.slice(0, start) + piece + text.slice(start + cut);
        }
        check(text);
      }),
      { numRuns: 100 },
    );
  });

  it('pushed as a patch or as a whole document', () => {
    fc.assert(
      fc.property(written, fc.jsonValue({ maxDepth: 4 }), (data, patch) => {
        check(mergePatch(toYaml(data), patch));
        check(completeSecrets(toYaml(patch), toYaml(data)));
      }),
      { numRuns: 100 },
    );
  });

  it('with aliases that multiply or go in circles', () => {
    const bomb = Array.from({ length: 12 }, (_, level) => {
      const copies = Array(9).fill(level === 0 ? 'x' : `*a${level - 1}`);
      return `a${level}: &a${level} [${copies.join(', ')}]`;
    });
    check(bomb.join('\n'));
    check('a: &a { b: *a, c: [*a, *a] }\ncameras: *a');
    check(`cameras: ${'['.repeat(5000)}`);
    check(`cameras: ${'{a: '.repeat(200)}`);
  });
});

describe('a planted secret', () => {
  const SECRET = 'hunter2hunter2';
  const broken = (line: string) => [
    `cameras:\n  a:\n    ${line}\n    fsp: 5\n`,
    `cameras:\n  a: { url: /x, ${line}, fps: no }\n`,
    `cameras:\n  a: { url: /x, ${line}, fps: no\n`,
    `cameras:\n  a:\n    ${line}\n   b: 3\n`,
    `cameras:\n  a:\n    ${line}\n    ${line}\n`,
  ];
  const lines = [
    `password: ${SECRET}`,
    `password: "${SECRET}`,
    `pasword: ${SECRET}`,
    `password:\t${SECRET}: x`,
    `password: [${SECRET}]`,
    `password: { file: ${SECRET}, x: 1 }`,
    `url: rtsp://user:${SECRET}@h/x`,
    `url: rtsp://user:${SECRET}@@/x`,
    `url: rtsp:/user:${SECRET}@h/x`,
  ];
  it.each(lines.flatMap(broken))('is not shown for %j', (text) => {
    const { problems } = validate(text, OPTIONS);
    expect(problems.length).toBeGreaterThan(0);
    const error = new AgentError('CONFIG_INVALID', { problems: formatProblems(problems) });
    expect(error.message).not.toContain(SECRET);
  });
});
