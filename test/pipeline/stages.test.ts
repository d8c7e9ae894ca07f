// The table of stages tells the truth about the files, and the logs use no other stage names.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { STAGES } from '../../src/pipeline/stages.ts';

const SRC = join(import.meta.dirname, '../../src');

it('names files whose first line names the stage', () => {
  for (const { name, file } of STAGES) {
    const first = readFileSync(join(SRC, 'pipeline', file), 'utf8').split('\n')[0];
    expect(first).toContain(`Stage \`${name}\``);
  }
});

it('is where every stage in a log line comes from', () => {
  const names = new Set<string>(STAGES.map((stage) => stage.name));
  const logged = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [...readFileSync(join(SRC, path), 'utf8').matchAll(/\bstage: '(\w+)'/g)])
    .map(([, stage]) => stage!);
  expect(logged.length).toBeGreaterThan(5);
  expect(logged.filter((stage) => !names.has(stage))).toEqual([]);
});
