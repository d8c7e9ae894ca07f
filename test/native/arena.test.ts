// The arena as TypeScript sees it: bounds, the bump allocator, and memory shared with a forked process.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ERRORS, isCode } from '../../src/core/errors.ts';
import { Arena } from '../../src/native/arena.ts';
import { loadNative } from '../../src/native/binding.ts';

test('what a forked process writes is read here without a copy', async () => {
  const arena = Arena.create(1 << 20);
  const offset = arena.reserve(1000);
  const view = arena.view(offset, 1000);
  const child = fork(fileURLToPath(new URL('../fixtures/arena-child.ts', import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', arena.fd],
    execArgv: ['--import', 'tsx'],
  });
  child.send({ fd: 4, bytes: arena.bytes, offset });
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect([view[0], view[999]]).toEqual([11, 22]);
  arena.close();
  expect(view[0]).toBe(11);
});

test('views never leave the arena', () => {
  const arena = Arena.create(4096);
  fc.assert(
    fc.property(
      fc.integer({ min: -10, max: 5000 }),
      fc.integer({ min: -10, max: 5000 }),
      (at, n) => {
        if (at >= 0 && n >= 0 && at + n <= 4096) {
          const view = arena.view(at, n);
          expect([view.byteOffset, view.byteLength]).toEqual([at, n]);
          return;
        }
        expect(() => arena.view(at, n)).toThrow(/outside the arena/);
      },
    ),
  );
  arena.close();
});

test('reservations are aligned, disjoint and end with ARENA_FULL', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3000 })), (wishes) => {
      const arena = Arena.create(8192);
      let end = 0;
      for (const bytes of wishes) {
        let offset: number;
        try {
          offset = arena.reserve(bytes);
        } catch (error) {
          expect(isCode(error, 'ARENA_FULL')).toBe(true);
          expect(end + bytes).toBeGreaterThan(8192 - 64);
          break;
        }
        expect(offset % 64).toBe(0);
        expect(offset).toBeGreaterThanOrEqual(end);
        end = offset + bytes;
        expect(end).toBeLessThanOrEqual(8192);
      }
      arena.close();
    }),
  );
});

test('what is taken back is given out again, and never twice', () => {
  const step = fc.record({ bytes: fc.integer({ min: 1, max: 2000 }), gives: fc.nat(8) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const arena = Arena.create(8192);
      let held: { offset: number; bytes: number }[] = [];
      for (const { bytes, gives } of steps) {
        for (const { offset, bytes } of held.splice(0, gives)) arena.release(offset, bytes);
        try {
          held.push({ offset: arena.reserve(bytes), bytes });
        } catch (error) {
          expect(isCode(error, 'ARENA_FULL')).toBe(true);
        }
        held = held.sort((one, other) => one.offset - other.offset);
        for (const [at, { offset, bytes }] of held.entries()) {
          expect(offset + bytes).toBeLessThanOrEqual(held[at + 1]?.offset ?? 8192);
        }
      }
      for (const { offset, bytes } of held) arena.release(offset, bytes);
      expect(arena.reserve(8192)).toBe(0);
      arena.close();
    }),
  );
});

test('a descriptor that is no arena is refused with a code', () => {
  expect(() => Arena.map(1, 4096)).toThrow(expect.objectContaining({ code: 'DEFECT' }));
});

test('every code that the native part throws is in the catalogue', () => {
  const codes = loadNative<{ errorCodes(): string[] }>().errorCodes();
  expect(codes.length).toBeGreaterThan(3);
  expect(codes.filter((code) => !(code in ERRORS))).toEqual([]);
});
