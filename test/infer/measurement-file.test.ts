// Kept measurements: found again for the same model on the same machine, and for nothing else.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fingerprint } from '../../src/contracts/capacity.ts';
import { createLog } from '../../src/core/log.ts';
import { isLayout } from '../../src/infer/layout.ts';
import { MeasurementFile } from '../../src/infer/measurement-file.ts';
import { temporaryFolder } from '../config/temporary.ts';

const ON: Fingerprint = {
  ...{ model_sha256: 'a'.repeat(64), cpu: 'A', cores: 4, arch: 'x64', provider: 'cpu' },
  ...{ runtime_library: '/lib/libonnxruntime.so.1', runtime_version: '1.30.0' },
};
const LAYOUT = { sessions: 4, threads: 1, batch: 1 };

function fileIn(folder: string) {
  const warnings: string[] = [];
  const log = createLog('warn', { write: (line) => void warnings.push(line) });
  const path = join(folder, 'layouts.json');
  return { path, warnings, open: () => new MeasurementFile(path, log, isLayout) };
}

describe('MeasurementFile', () => {
  it('finds a value again only where everything it was measured on is the same', () => {
    const { open } = fileIn(temporaryFolder());
    expect(open().find(ON)).toBeUndefined();
    open().keep(ON, LAYOUT);
    expect(open().find({ ...ON })).toEqual(LAYOUT);
    for (const [key, value] of Object.entries(ON)) {
      const other = typeof value === 'number' ? value + 1 : `${value}x`;
      expect(open().find({ ...ON, [key]: other }), key).toBeUndefined();
    }
  });

  it('finds the newest where only some is asked for', () => {
    const { open } = fileIn(temporaryFolder());
    open().keep({ ...ON, provider: 'openvino' }, LAYOUT);
    open().keep(ON, { ...LAYOUT, sessions: 2 });
    const { provider: _, ...rest } = ON;
    expect(open().find(rest)?.sessions).toBe(2);
    expect(open().find({ ...rest, provider: 'openvino' })?.sessions).toBe(4);
    expect(open().find({ ...rest, cores: 5 })).toBeUndefined();
  });

  it('keeps the newest of a model, and at most sixteen', () => {
    const { open, path } = fileIn(temporaryFolder());
    for (let i = 0; i < 20; i++) open().keep({ ...ON, cpu: `${i}` }, LAYOUT);
    open().keep({ ...ON, cpu: '19' }, { ...LAYOUT, sessions: 2 });
    expect(open().find({ ...ON, cpu: '19' })?.sessions).toBe(2);
    expect(open().find({ ...ON, cpu: '3' })).toBeUndefined();
    expect(JSON.parse(readFileSync(path, 'utf8'))).toHaveLength(16);
  });

  it('takes nothing from a file that is damaged or was edited into nonsense', () => {
    const { open, path, warnings } = fileIn(temporaryFolder());
    for (const text of ['{', '[]', '{}', 'null', '[null, 1, {"on": {}}]']) {
      writeFileSync(path, text);
      expect(open().find(ON)).toBeUndefined();
    }
    expect(warnings).toHaveLength(1);
    writeFileSync(path, JSON.stringify([{ on: ON, value: { ...LAYOUT, sessions: 0 } }]));
    expect(open().find(ON)).toBeUndefined();
    open().keep(ON, LAYOUT);
    expect(open().find(ON)).toEqual(LAYOUT);
  });

  it('a folder that cannot be written costs a warning', () => {
    const folder = temporaryFolder();
    const { open, path, warnings } = fileIn(folder);
    mkdirSync(path);
    open().keep(ON, LAYOUT);
    expect(warnings.at(-1)).toContain('a measurement is not kept');
  });
});
