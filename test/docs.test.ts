// Documents say what the code does: generated ones are up to date, examples are valid, names exist.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GENERATED } from '../scripts/generate.ts';
import { CONFIG_KEYS } from '../src/config/explain.ts';
import { formatProblems } from '../src/config/problem.ts';
import { validate } from '../src/config/validate.ts';
import { ERRORS } from '../src/core/errors.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

function problemsOf(text: string, name: string): string {
  const environment = { HOME: '/root', PASSWORD: 'x' };
  return formatProblems(validate(text, { name, environment }).problems);
}

describe('generated files', () => {
  for (const [path, make] of Object.entries(GENERATED)) {
    it(`${path} is what npm run gen writes`, () => expect(read(path)).toBe(make()));
  }
});

describe('examples', () => {
  for (const file of readdirSync(join(ROOT, 'examples')).filter((name) => name.endsWith('.yaml'))) {
    it(`${file} is valid`, () => expect(problemsOf(read(`examples/${file}`), file)).toBe(''));
  }

  it('one camera takes ten lines', () => {
    expect(read('examples/one-camera.yaml').trimEnd().split('\n').length).toBeLessThanOrEqual(10);
  });

  it('the reference is valid with everything switched on that can be on together', () => {
    const everything = read('examples/reference.yaml')
      .replace(/^( *)#(?! \S)(?=[ \S])/gm, '$1')
      // The camera's own address, in favour of its two streams.
      .replace(/^ {4}url: .*$/m, '')
      .replace(/^ +(host|port|path): (?!\/var\/lib\/vedette$).*$/gm, '');
    expect(everything).toMatch(/^mqtt:\n/m);
    expect(everything).toMatch(/^ {2}- name: operations/m);
    expect(problemsOf(everything, 'reference.yaml')).toBe('');
  });
});

describe('documents', () => {
  const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
  const texts = pages
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => {
      try {
        return [{ path, text: read(path) }];
      } catch {
        return [];
      }
    });

  it('show only configurations that are valid', () => {
    let seen = 0;
    for (const { path, text } of texts) {
      for (const [, block] of text.matchAll(/^```yaml\n(.*?)^```$/gms)) {
        if (!/^cameras:/m.test(block!)) continue;
        seen++;
        const text = block!.replace(/\{ file: \S+ \}/g, 'x');
        expect(problemsOf(text, path)).toBe('');
      }
    }
    expect(seen).toBeGreaterThan(2);
  });

  it('name only error codes of the catalogue', () => {
    const codes = new Set(Object.keys(ERRORS));
    for (const { path, text } of texts) {
      for (const [, code] of text.matchAll(
        /`((?:CONFIG|CAMERA|MODEL|RUNTIME|PROVIDER|STORE|SINK)_[A-Z_]+)`/g,
      )) {
        expect(codes, path).toContain(code);
      }
    }
    const listed = [...read('docs/reference/errors.md').matchAll(/^\| `([A-Z_]+)` \|/gm)];
    expect(listed.map(([, code]) => code)).toEqual([...codes]);
  });

  it('name only keys that the configuration has', () => {
    const known = new Set(CONFIG_KEYS.map(({ pattern }) => pattern.replace(/\.<\w+>/g, '')));
    const sections = new Set([...known].filter((key) => !key.includes('.')));
    for (const { path, text } of texts) {
      for (const [, key] of text.matchAll(/`([a-z_]+(?:\.[a-z_<>]+)+)`/g)) {
        const name = key!.replace(/\.<\w+>/g, '');
        if (sections.has(name.split('.')[0]!)) expect(known, path).toContain(name);
      }
    }
  });
});
