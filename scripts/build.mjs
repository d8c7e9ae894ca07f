// Builds Vedette: `build.mjs` = native part and dist/, `build.mjs native`, `build.mjs native-test`.
// Needs a C++20 compiler and CMake; fetches nothing.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(fileURLToPath(import.meta.url), '../..');
const require = createRequire(import.meta.url);

function fail(message) {
  console.error(`build: ${message}`);
  process.exit(1);
}

function has(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (error) fail(`${program} cannot be started: ${error.message}`);
  if (status !== 0) fail(`${program} ${args.join(' ')} ended with status ${status}`);
}

/** Configures and builds `native/` in `folder`; quick when nothing changed. */
function buildNative(folder, options = []) {
  if (!has('cmake')) fail('CMake is missing. Debian: apt install cmake ninja-build g++');
  const headers = path.resolve(require.resolve('node-api-headers/package.json'), '../..');
  const generator = has('ninja') ? ['-G', 'Ninja'] : [];
  run('cmake', [
    ...['-S', 'native', '-B', folder, ...generator, '--log-level=WARNING'],
    `-DVEDETTE_NODE_MODULES=${headers}`,
    ...options,
  ]);
  run('cmake', ['--build', folder, '--parallel', String(availableParallelism())]);
}

function testNative(folder) {
  run('ctest', ['--test-dir', folder, '--output-on-failure']);
}

const tasks = {
  all() {
    tasks.native();
    run(process.execPath, [
      path.resolve(require.resolve('typescript/package.json'), '../bin/tsc'),
      ...['-p', 'tsconfig.build.json'],
    ]);
  },
  native() {
    buildNative('build/native');
  },
  'native-test'() {
    buildNative('build/native');
    testNative('build/native');
    buildNative('build/native-sanitized', ['-DVEDETTE_SANITIZE=address,undefined']);
    testNative('build/native-sanitized');
  },
  bench() {
    buildNative('build/native', ['-DVEDETTE_BENCH=ON']);
  },
};

const name = process.argv[2] ?? 'all';
const task = tasks[name];
if (!task) fail(`no task ${name}; there are: ${Object.keys(tasks).join(', ')}`);
task();
