// The source tree keeps to its layering, and the rules that say so catch what they should.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importsOf, type Tree, violations } from './fixtures/architecture.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['src', 'native', 'scripts', 'bench', 'test'];
const IS_SOURCE = /\.(ts|mjs|cpp|hpp|h)$/;

function readTree(): Tree {
  const paths = FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(
      (path) => `${folder}/${path}`,
    ),
  );
  const sources = paths.filter(
    (path) => IS_SOURCE.test(path) && !/^native\/(build|prebuilds)/.test(path),
  );
  return new Map(sources.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

const BAD: Tree = new Map([
  ['src/core/bad.ts', "// x\nimport { a } from '../config/load.ts';\n"],
  ['src/pipeline/bad.ts', "// x\nimport { a } from '../sinks/mqtt.ts';\n"],
  ['src/pipeline/value.ts', "// x\nimport { type A, b } from '../config/load.ts';\n"],
  ['src/contracts/multi.ts', "// x\nimport {\n  a,\n  b,\n} from '../core/log.ts';\n"],
  ['src/track/dynamic.ts', "// x\nawait import('../mqtt/connection.ts');\n"],
  ['src/hw/export.ts', "// x\nexport * from '../config/load.ts';\n"],
  ['src/novel/bad.ts', "// x\nimport { a } from '../core/log.ts';\n"],
  ['src/api/package.ts', "// x\nimport sqlite from 'better-sqlite3';\n"],
  ['src/api/unknown.ts', "// x\nimport left from 'left-pad/index.js';\n"],
  [
    'src/infer/ambient.ts',
    '// x\nconst a = process.env.HOME ?? Date.now();\nconsole.log(a);\nprocess.exit(1);\n',
  ],
  ['src/infer/addon.ts', "// x\nrequire('./vedette.node');\n"],
  ['src/infer/outside.ts', "// x\nimport { a } from '../../test/shared.ts';\n"],
  ['src/core/egg.ts', "// x\nimport type { A } from './hen.ts';\n"],
  ['src/core/hen.ts', "// x\nimport { b } from './nest.ts';\n"],
  ['src/core/nest.ts', "// x\nawait import('./egg.ts');\n"],
  ['src/utils/bad.ts', '// x\n'],
  ['src/core/long.ts', `// x\n${'a();\n'.repeat(401)}`],
  ['src/core/silent.ts', 'export const a = 1;\n'],
  ['native/core/bad.cpp', '#include <napi.h>\n#include <gst/gst.h>\n'],
]);

describe('architecture', () => {
  it('is kept', () => expect(violations(readTree())).toEqual([]));

  it('was looked at', () => {
    const tree = readTree();
    expect(tree.size).toBeGreaterThan(120);
    expect(importsOf(tree).length).toBeGreaterThan(300);
  });

  it('catches every kind of violation', () => {
    expect(violations(BAD)).toEqual([
      'src/core/bad.ts: core may not import config (../config/load.ts)',
      'src/pipeline/bad.ts: pipeline may not import sinks (../sinks/mqtt.ts)',
      'src/pipeline/value.ts: pipeline may not import config (../config/load.ts)',
      'src/contracts/multi.ts: contracts may not import core (../core/log.ts)',
      'src/track/dynamic.ts: track may not import mqtt (../mqtt/connection.ts)',
      'src/hw/export.ts: hw may not import config (../config/load.ts)',
      'src/novel/bad.ts: the folder novel has no place in the layering',
      'src/infer/outside.ts: imports test/shared.ts, outside src',
      'src/api/package.ts: the package better-sqlite3 belongs to sinks',
      'src/api/unknown.ts: the package left-pad has no owner',
      'src/core/egg.ts: a circle, src/core/egg.ts -> src/core/hen.ts -> src/core/nest.ts -> src/core/egg.ts',
      'src/infer/ambient.ts: process.env is not for this place',
      'src/infer/ambient.ts: Date.now( is not for this place',
      'src/infer/ambient.ts: console.log( is not for this place',
      'src/infer/ambient.ts: process.exit( is not for this place',
      'src/infer/addon.ts: only src/native/binding.ts loads addons',
      'native/core/bad.cpp: includes napi.h; Node-API stays in native/addon',
      'native/core/bad.cpp: includes gst/gst.h; GStreamer stays in native/gst, native/tools and addon/gst*',
      'src/utils/bad.ts: a folder that says nothing',
      'src/core/long.ts: 402 lines, at most 400',
      'src/core/silent.ts: does not begin by saying what it is for',
    ]);
  });
});
