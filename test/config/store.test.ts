// Pushed documents: what is in force after each step, after damage, and after a crash at any point.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigStore } from '../../src/config/store.ts';
import { createLog } from '../../src/core/log.ts';
import { temporaryFolder } from './temporary.ts';

const FILE = 'cameras: { a: rtsp://h/file }\n';
const document = (name: string) => `cameras: { a: rtsp://h/${name} }\n`;

function openStore(folder = temporaryFolder(), environment: Record<string, string> = {}) {
  const file = join(folder, 'config.yaml');
  if (!existsSync(file)) writeFileSync(file, FILE);
  const directory = join(folder, 'state');
  const log = createLog('silent');
  return { store: new ConfigStore({ file, directory, environment, log }), file, directory, folder };
}

function push(store: ConfigStore, text: string): number {
  store.check(text);
  store.stage(text);
  return store.promote();
}

describe('ConfigStore', () => {
  it('runs with the file until something is pushed', () => {
    const { store } = openStore();
    expect(store.load()).toMatchObject({ origin: 'file', version: 0, text: FILE });
    expect(store.previousText()).toBeUndefined();
  });

  it('keeps what was pushed over a restart, and what was before it', () => {
    const { store, folder, directory } = openStore();
    expect(push(store, document('one'))).toBe(1);
    expect(store.previousText()).toBe(FILE);
    expect(push(store, document('two'))).toBe(2);
    const again = openStore(folder).store;
    expect(again.load()).toMatchObject({ origin: 'pushed', version: 2, text: document('two') });
    expect(again.previousText()).toBe(document('one'));
    expect(statSync(join(directory, 'pushed.yaml')).mode & 0o777).toBe(0o600);
  });

  it('forgets what was staged and never promoted', () => {
    const { store, directory } = openStore();
    push(store, document('one'));
    store.stage(document('two'));
    expect(store.load()).toMatchObject({ version: 1, text: document('one') });
    expect(existsSync(join(directory, 'pushed.candidate.yaml'))).toBe(false);
  });

  it('lets the file win when somebody edits it after a push', () => {
    const { store, file } = openStore();
    push(store, document('one'));
    writeFileSync(file, document('edited'));
    expect(store.load()).toMatchObject({ origin: 'file', text: document('edited') });
    expect(push(store, document('two'))).toBe(2);
    expect(store.load()).toMatchObject({ version: 2, text: document('two') });
    expect(store.previousText()).toBe(document('edited'));
  });

  it('falls back to the one before, then to the file, whatever happens to the bytes', () => {
    const { store, directory } = openStore();
    push(store, document('one'));
    push(store, document('two'));
    const current = join(directory, 'pushed.yaml');
    const previous = join(directory, 'pushed.previous.yaml');
    const whole = readFileSync(current);
    const before = readFileSync(previous);
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.boolean(),
        fc.integer({ min: 1, max: 255 }),
        (at, isCut, flip) => {
          const damaged = Buffer.from(isCut ? whole.subarray(0, at) : whole);
          if (!isCut) damaged[at]! ^= flip;
          writeFileSync(current, damaged);
          writeFileSync(previous, before);
          expect([document('one'), document('two')]).toContain(store.load().text);
          writeFileSync(previous, damaged);
          expect([FILE, document('two')]).toContain(store.load().text);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('puts a document aside with which two starts failed', () => {
    const { store, folder, directory } = openStore();
    push(store, document('one'));
    store.stage(document('two'));
    expect(store.promote(true)).toBe(2);
    for (let start = 0; start < 2; start++) {
      expect(openStore(folder).store.load()).toMatchObject({ version: 2 });
      expect(openStore(folder).store.isOnTrial).toBe(true);
    }
    expect(openStore(folder).store.load()).toMatchObject({ version: 1, text: document('one') });
    expect(openStore(folder).store.isOnTrial).toBe(false);
    expect(readFileSync(join(directory, 'pushed.rejected.yaml'), 'utf8')).toContain('two');
    expect(push(store, document('three'))).toBe(3);
  });

  it('keeps a document that was confirmed after its first start', () => {
    const { store, folder } = openStore();
    store.stage(document('one'));
    store.promote(true);
    const started = openStore(folder).store;
    started.load();
    started.confirm();
    for (let start = 0; start < 4; start++) {
      expect(openStore(folder).store.load()).toMatchObject({ version: 1, text: document('one') });
    }
  });

  it('puts nothing aside when it was interrupted before the document was there', () => {
    const { store, directory, folder } = openStore();
    push(store, document('one'));
    writeFileSync(join(directory, 'pushed.trial'), '2 2');
    expect(openStore(folder).store.load()).toMatchObject({ version: 1 });
    writeFileSync(join(directory, 'pushed.trial'), 'nonsense');
    expect(openStore(folder).store.load()).toMatchObject({ version: 1 });
  });

  it('passes over a document that a newer version of the agent does not accept', () => {
    const { store, directory } = openStore();
    push(store, document('one'));
    push(store, document('two'));
    const strict = new ConfigStore({
      file: join(directory, '../config.yaml'),
      directory,
      environment: {},
      log: createLog('silent'),
      checks: [
        ({ cameras }) =>
          cameras.a?.url.endsWith('two')
            ? [{ severity: 'error', path: ['cameras', 'a'], message: 'not any more' }]
            : [],
      ],
    });
    expect(strict.load()).toMatchObject({ version: 1, text: document('one') });
  });

  it('lets pushed documents read no more secrets than the file names', () => {
    const environment = { HOME_SECRET: 'x', VEDETTE_PUSHED: 'y', KNOWN: 'z' };
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'config.yaml'), 'cameras: { a: { url: /x, password: "${KNOWN}" } }');
    const { store } = openStore(folder, environment);
    const camera = (password: string) => `cameras: { a: { url: /x, password: ${password} } }`;
    expect(() => store.check(camera('"$' + '{HOME_SECRET}"'))).toThrow(/begin with VEDETTE_/);
    expect(() => store.check(camera('{ file: /etc/shadow }'))).toThrow(/may name only files in/);
    expect(() => store.check(camera('{ file: /run/secrets/../../etc/shadow }'))).toThrow(
      /may name/,
    );
    expect(store.check(camera('"$' + '{VEDETTE_PUSHED}"')).config.cameras.a?.password).toBe('y');
    expect(store.check(camera('"$' + '{KNOWN}"')).config.cameras.a?.password).toBe('z');
  });
});
