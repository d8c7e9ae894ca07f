// The service in the file system of an image: what is created, what is left alone, what systemd thinks of the unit.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serviceCommand } from '../../src/cli/service.ts';
import { requireValid } from '../../src/config/load.ts';
import { validate } from '../../src/config/validate.ts';
import { type Host, install, remove, type Sources } from '../../src/service/install.ts';
import { hiddenPath, unitFor } from '../../src/service/unit.ts';

const repository = resolve(import.meta.dirname, '../..');
const template = readFileSync(join(repository, 'systemd/vedette.service'), 'utf8');
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('service: skipped, only root may create the accounts of an image');
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!hasAnalyze) console.warn('service: skipped, there is no systemd-analyze here');

const PATHS = {
  node: '/usr/bin/node',
  program: '/opt/vedette/dist/bin/main.js',
  config: '/etc/vedette/config.yaml',
};

let root: string;
let host: Host;
let sources: Sources;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'vedette-image-'));
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nvideo:x:44:\n');
  for (const file of ['shadow', 'gshadow']) writeFileSync(join(root, 'etc', file), '');
  host = {
    root,
    run: (program, args) => execFileSync(program, [...args], { encoding: 'utf8', stdio: 'pipe' }),
    say: () => {},
  };
  writeFileSync(join(root, 'main.js'), '');
  sources = {
    unit: join(repository, 'systemd/vedette.service'),
    config: join(repository, 'systemd/config.yaml'),
    node: process.execPath,
    program: join(root, 'main.js'),
  };
});
afterEach(() => rmSync(root, { recursive: true }));

function inImage(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

describe.skipIf(!isRoot)('vedette service', () => {
  it('creates user, folders, configuration and unit', () => {
    install(host, sources);
    const account = inImage('etc/passwd')
      .split('\n')
      .find((line) => line.startsWith('vedette:'));
    expect(account).toMatch(/:\/var\/lib\/vedette:\/usr\/sbin\/nologin$/);
    const [, , uid, gid] = (account ?? '').split(':').map(Number);
    expect(statSync(join(root, 'var/lib/vedette'))).toMatchObject({ uid, gid });
    expect(statSync(join(root, 'etc/vedette/config.yaml'))).toMatchObject({ uid: 0, gid });
    expect(statSync(join(root, 'etc/vedette/config.yaml')).mode & 0o777).toBe(0o640);
    const unit = inImage('etc/systemd/system/vedette.service');
    expect(unit).toContain(
      `ExecStart=${process.execPath} ${sources.program} run --config /etc/vedette/config.yaml`,
    );
    expect(unit).toMatch(/^SupplementaryGroups=video$/m);
  });

  it('may be installed again and leaves a changed configuration alone', () => {
    install(host, sources);
    writeFileSync(join(root, 'etc/vedette/config.yaml'), 'cameras: {}\n');
    const before = inImage('etc/passwd');
    install(host, sources);
    expect(inImage('etc/vedette/config.yaml')).toBe('cameras: {}\n');
    expect(inImage('etc/passwd')).toBe(before);
  });

  it('is removed without the data, or with it', () => {
    const before = inImage('etc/passwd');
    install(host, sources);
    writeFileSync(join(root, 'var/lib/vedette/vedette.db'), 'data');
    remove(host, false);
    expect(existsSync(join(root, 'etc/systemd/system/vedette.service'))).toBe(false);
    expect(inImage('var/lib/vedette/vedette.db')).toBe('data');
    expect(existsSync(join(root, 'etc/vedette/config.yaml'))).toBe(true);
    remove(host, true);
    expect(existsSync(join(root, 'etc/vedette'))).toBe(false);
    expect(existsSync(join(root, 'var/lib/vedette'))).toBe(false);
    expect(inImage('etc/passwd')).toBe(before);
    remove(host, true);
  });

  it('wants to be built first', () => {
    expect(() => install(host, { ...sources, program: '/no/main.js' })).toThrow(/npm run build/);
  });
});

describe('vedette service, refused', () => {
  it.each([
    [[], /install, status or remove/],
    [['install', 'now'], /now/],
    [['install', '--purge'], /--purge/],
    [['install', '--root', '/proc/self'], /no etc|only root/],
  ])('%j', async (args, problem) => {
    await expect(serviceCommand(args)).rejects.toThrow(problem);
  });
});

describe('the unit', () => {
  it('says which paths it could not see', () => {
    expect(hiddenPath(PATHS)).toBeUndefined();
    expect(hiddenPath({ ...PATHS, program: '/home/me/vedette/dist/bin/main.js' })).toMatch(/home/);
    expect(hiddenPath({ ...PATHS, node: '/root/.nvm/node' })).toMatch(/root/);
    expect(hiddenPath({ ...PATHS, node: '/rooted/node' })).toBeUndefined();
  });

  it('quotes what systemd would read otherwise', () => {
    const unit = unitFor(
      template,
      { ...PATHS, program: '/opt/my $dir/50%/"x"/main.js' },
      new Set(),
    );
    expect(unit).toContain('"/opt/my $$dir/50%%/\\"x\\"/main.js"');
    fc.assert(
      fc.property(fc.stringMatching(/^[^\n\0]{1,30}$/), (name) => {
        const lines = unitFor(template, { ...PATHS, program: `/opt/${name}` }, new Set()).split(
          '\n',
        );
        expect(lines.length).toBe(template.split('\n').length);
      }),
    );
  });

  describe.skipIf(!hasAnalyze)('in the eyes of systemd', () => {
    it('has no mistakes', () => {
      const file = join(root, 'vedette.service');
      writeFileSync(
        file,
        unitFor(
          template,
          { ...PATHS, node: process.execPath, program: sources.program },
          new Set(['video']),
        ),
      );
      const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
        encoding: 'utf8',
      });
      expect(stderr.split('\n').filter((line) => line.includes('vedette.service'))).toEqual([]);
    });

    it('is exposed no more than 1.3 of 10', () => {
      const file = join(root, 'vedette.service');
      writeFileSync(file, unitFor(template, { ...PATHS, node: '/bin/true' }, new Set(['video'])));
      const { status, stdout } = spawnSync(
        'systemd-analyze',
        ['security', '--offline=true', '--threshold=13', file],
        { encoding: 'utf8' },
      );
      expect(status, stdout.slice(-400)).toBe(0);
    });
  });
});

describe('the configuration that comes with it', () => {
  const text = readFileSync(join(repository, 'systemd/config.yaml'), 'utf8');

  it('is all comments', () => {
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
  });

  it('is valid when its examples are taken into use', () => {
    const used = text
      .split('\n')
      .map((line) => line.replace(/^#(?=( {2})*\S)/, ''))
      .join('\n');
    const validation = validate(used, { name: 'config.yaml', environment: {} });
    expect(Object.keys(requireValid(validation, 'config.yaml').config.cameras)).toEqual([
      'front',
      'yard',
      'gate',
    ]);
  });
});
