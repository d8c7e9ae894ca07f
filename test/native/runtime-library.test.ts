// Which ONNX Runtime is taken, and what is said of those that are not.
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AgentError } from '../../src/core/errors.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';

const bundled = findRuntimeLibrary(undefined, undefined, []).path;

function folder(files: Record<string, string | Uint8Array>): string {
  const made = mkdtempSync(join(tmpdir(), 'vedette-runtime-'));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(made, name), content);
  return made;
}

function problem(configured?: string, environment?: string): string {
  try {
    return `took ${findRuntimeLibrary(configured, environment).path}`;
  } catch (error) {
    return error instanceof AgentError ? `${error.code} ${error.message}` : String(error);
  }
}

test('npm brings one that can be loaded', () => {
  expect(bundled).toMatch(/onnxruntime-node\/bin\/.*\/libonnxruntime\.so\.1$/);
});

test('a library made for the device comes before it', () => {
  const device = folder({});
  symlinkSync(bundled, join(device, 'libonnxruntime.so.1'));
  expect(findRuntimeLibrary(undefined, undefined, [device])).toEqual({
    path: join(device, 'libonnxruntime.so.1'),
    tried: [],
  });
});

test('what cannot be used on the way is named', () => {
  const broken = folder({ 'libonnxruntime.so.1': 'text', 'libonnxruntime.so': elfFor(40) });
  const found = findRuntimeLibrary(undefined, undefined, [broken, '/nowhere']);
  expect(found.path).toBe(bundled);
  expect(found.tried.map(({ problem }) => problem)).toEqual([
    'it is no shared library',
    'it is for another processor',
    'not there',
    'not there',
  ]);
});

test('one that was asked for is taken or refused, never replaced', () => {
  expect(problem(bundled)).toBe(`took ${bundled}`);
  expect(problem('', bundled)).toBe(`took ${bundled}`);
  expect(problem('/nowhere/libonnxruntime.so', bundled)).toMatch(
    /^RUNTIME_UNAVAILABLE .*\/nowhere\/libonnxruntime\.so \(runtime\.library\): not there/,
  );
  expect(problem(undefined, '/nowhere/libonnxruntime.so')).toMatch(/\(VEDETTE_ORT\): not there/);
  const addon = join(import.meta.dirname, '../../build/native/vedette.node');
  expect(problem(addon)).toMatch(/it is no ONNX Runtime/);
  expect(problem(tmpdir())).toMatch(/RUNTIME_UNAVAILABLE.*EISDIR/);
});

function elfFor(machine: number): Uint8Array {
  const header = Buffer.alloc(64);
  header.writeUInt32BE(0x7f454c46, 0);
  header.writeUInt16LE(machine, 18);
  return header;
}
