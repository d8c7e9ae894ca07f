// Writes the files that derive from the code: JSON Schema, reference documents, the commented example.
// `--check` writes nothing and fails when one is out of date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configReference } from './generate/config-reference.ts';
import { errorReference } from './generate/error-reference.ts';
import { jsonSchema } from './generate/json-schema.ts';
import { referenceYaml } from './generate/reference-yaml.ts';

const ROOT: string = join(import.meta.dirname, '..');

/** Paths from the root of the repository, and how their text is made. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  'schema/config.schema.json': jsonSchema,
  'docs/reference/config.md': configReference,
  'docs/reference/errors.md': errorReference,
  'examples/reference.yaml': referenceYaml,
};

if (process.argv[1] === import.meta.filename) {
  for (const [path, make] of Object.entries(GENERATED)) {
    const file = join(ROOT, path);
    const text = make();
    if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
    if (process.argv.includes('--check')) {
      console.error(`${path} is out of date; run npm run gen`);
      process.exitCode = 1;
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
