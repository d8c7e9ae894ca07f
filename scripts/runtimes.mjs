// Holds Vedette against other releases of ONNX Runtime than the one it brings: `runtimes.mjs`.
//
// Compiles our declarations with the official headers of Debian's trixie and sid, runs the native test on Debian's own
// build of the library, and the session tests on an old and a newer library from npm. Downloads packages into
// build/runtimes and installs nothing. What cannot be downloaded is skipped with the reason; what differs fails.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const CACHE = join(ROOT, 'build', 'runtimes');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const SUITES = ['trixie', 'sid'];
/** The oldest that is accepted, and the last before the one that package.json names a new generation. */
const RELEASES = ['1.17.3', '1.23.2'];

let failed = 0;
mkdirSync(CACHE, { recursive: true });
for (const suite of SUITES) checkHeader(suite);
runDebianLibrary('trixie');
for (const release of RELEASES) runRelease(release);
process.exit(failed === 0 ? 0 : 1);

/** native/test/ort_header_test.cpp is nothing but static assertions. */
function checkHeader(suite) {
  const folder = unpacked(suite, ['libonnxruntime-dev'], `${suite}-header`);
  if (folder === undefined) return;
  const include = join(folder, 'usr/include/onnxruntime');
  const source = join(ROOT, 'native/test/ort_header_test.cpp');
  const flags = ['-std=c++20', '-fsyntax-only', `-I${include}`, `-I${join(ROOT, 'native')}`];
  verdict(`declarations against the header of Debian ${suite}`, run('g++', [...flags, source]));
}

/** Debian's library needs Debian's C library of the same age, so it runs under that one's loader. */
function runDebianLibrary(suite) {
  const wanted = dependencies(suite, /^libonnxruntime1\.\d+$/);
  if (wanted === undefined) return;
  const folder = unpacked(suite, wanted, `${suite}-library`);
  if (folder === undefined) return;
  const folders = ['lib', 'usr/lib'].flatMap((at) => {
    const base = join(folder, at);
    if (!existsSync(base)) return [];
    const triplets = readdirSync(base).filter((name) => name.endsWith('-linux-gnu'));
    return triplets.map((triplet) => join(base, triplet));
  });
  const find = (pattern) =>
    folders
      .flatMap((at) => readdirSync(at).map((name) => join(at, name)))
      .find((file) => pattern.test(file));
  const loader = find(/\/ld-linux[^/]*\.so\.\d$/);
  const library = find(/\/libonnxruntime\.so\.1\.\d+$/) ?? find(/\/libonnxruntime\.so[^/]*$/);
  const tests = join(ROOT, 'build/native/test');
  const program = [join(tests, 'ort_test'), library, join(tests, 'libort_old_runtime.so')];
  const result = run(loader, ['--library-path', folders.join(':'), ...program]);
  verdict(`native test on Debian ${suite}'s library`, result);
}

function runRelease(release) {
  const folder = join(CACHE, `npm-${release}`);
  if (!existsSync(join(folder, 'package'))) {
    mkdirSync(folder, { recursive: true });
    const archive = [
      'pack',
      `onnxruntime-node@${release}`,
      '--silent',
      '--pack-destination',
      folder,
    ];
    if (run('npm', archive).status !== 0)
      return skip(`ONNX Runtime ${release}`, 'npm has no package');
    const [file] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    const only = `package/bin/*/linux/${process.arch}/*`;
    run('tar', ['-xzf', join(folder, file), '-C', folder, '--wildcards', only]);
  }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const library = files.find((name) => /libonnxruntime\.so\.1[.\d]*$/.test(name));
  if (library === undefined) return skip(`ONNX Runtime ${release}`, 'not for this processor');
  const tests = ['test/native/session.test.ts', 'test/native/provider-trial.test.ts'];
  const env = { ...process.env, VEDETTE_ORT: join(folder, library) };
  const result = run('npx', ['vitest', 'run', ...tests], { env });
  verdict(`session tests on ONNX Runtime ${release}`, result);
}

/** Names of a package of `suite` and of all that it depends on. */
function dependencies(suite, pattern) {
  const options = aptFor(suite);
  if (options === undefined) return undefined;
  const names = run('apt-cache', [...options, 'search', '--names-only', 'libonnxruntime1']).stdout;
  const name = names
    .split('\n')
    .map((line) => line.split(' ')[0])
    .find((one) => pattern.test(one));
  if (name === undefined) {
    skip(`Debian ${suite}'s library`, 'the suite has none');
    return undefined;
  }
  const no = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'];
  const flags = ['--recurse', ...no.map((kind) => `--no-${kind}`)];
  const { stdout } = run('apt-cache', [...options, 'depends', ...flags, name]);
  return [...new Set(stdout.split('\n').filter((line) => /^\w/.test(line)))];
}

/** A folder with the contents of `packages`; undefined, with the reason printed, when they cannot be had. */
function unpacked(suite, packages, name) {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  const options = aptFor(suite);
  if (options === undefined) return undefined;
  const downloads = join(CACHE, `${name}-debs`);
  mkdirSync(downloads, { recursive: true });
  const { status, stderr } = run('apt-get', [...options, 'download', ...packages], {
    cwd: downloads,
  });
  if (status !== 0) {
    skip(`Debian ${suite}: ${packages[0]}`, stderr.split('\n')[0]);
    return undefined;
  }
  for (const file of readdirSync(downloads)) run('dpkg', ['-x', join(downloads, file), folder]);
  return folder;
}

/** apt's options for a suite that this machine is not set up for: own lists, no installed packages. */
function aptFor(suite) {
  const state = join(CACHE, `${suite}-apt`);
  const list = join(state, 'sources.list');
  const options = [
    ['Dir::State::Lists', join(state, 'lists')],
    ['Dir::State::status', '/dev/null'],
    ['Dir::Cache', join(state, 'cache')],
    ['Dir::Etc::SourceList', list],
    ['Dir::Etc::SourceParts', '/dev/null'],
    ['APT::Sandbox::User', 'root'],
  ].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  if (existsSync(join(state, 'updated'))) return options;
  if (!existsSync(KEYRING)) {
    skip(`Debian ${suite}`, 'this machine has no Debian archive keyring');
    return undefined;
  }
  for (const folder of ['lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(state, folder), { recursive: true });
  }
  writeFileSync(list, `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${suite} main\n`);
  const { status, stderr } = run('apt-get', [...options, '--error-on=any', 'update']);
  if (status !== 0) {
    skip(`Debian ${suite}`, stderr.split('\n')[0]);
    return undefined;
  }
  writeFileSync(join(state, 'updated'), '');
  return options;
}

function run(program, args, options = {}) {
  const limits = { encoding: 'utf8', timeout: 600_000, maxBuffer: 2 ** 26 };
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: ROOT,
    ...limits,
    ...options,
  });
  return { status, stdout: stdout ?? '', stderr: stderr || (error?.message ?? '') };
}

function verdict(what, { status, stdout, stderr }) {
  console.log(`runtimes: ${what}: ${status === 0 ? 'passed' : 'FAILED'}`);
  if (status === 0) return;
  failed += 1;
  console.log(`${stdout}${stderr}`.split('\n').slice(-40).join('\n'));
}

function skip(what, reason) {
  console.log(`runtimes: ${what}: SKIPPED, ${reason}`);
}
