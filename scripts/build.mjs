// Builds Vedette: `build.mjs` = native part and dist/; `build.mjs native | native-for-test | native-test | native-test-arm64 |
// native-fuzz | native-bench`.
// Needs a C++20 compiler and CMake; fetches nothing.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Configures and builds `target` of `native/` in `folder`; quick when nothing changed. */
function buildNative(folder, options = [], target = 'all') {
  if (!has('cmake')) fail('CMake is missing. Debian: apt install cmake ninja-build g++');
  const headers = path.resolve(require.resolve('node-api-headers/package.json'), '../..');
  const generator = has('ninja') ? ['-G', 'Ninja'] : [];
  run('cmake', [
    ...['-S', 'native', '-B', folder, ...generator, '--log-level=WARNING'],
    `-DVEDETTE_NODE_MODULES=${headers}`,
    ...options,
  ]);
  const parallel = ['--parallel', String(availableParallelism())];
  run('cmake', ['--build', folder, '--target', target, ...parallel]);
}

function testNative(folder, options = []) {
  run('ctest', ['--test-dir', folder, '--output-on-failure', ...options]);
}

const TESTS = '-DVEDETTE_TESTS=ON';

/** One file each for what starts as a process or thread of its own, beside each other as they look for one another. */
const ENTRIES = {
  main: 'dist/cli/main.js',
  'camera-process': 'dist/pipeline/camera-process.js',
  'provider-process': 'dist/native/provider-process.js',
  'store-thread': 'dist/sinks/store-thread.js',
};
/** Packages that every start loads. Others are read from node_modules when they are used. */
const INSIDE = ['mqtt', 'mqtt-packet', 'pino', 'valibot', 'yaml'];
const BUNDLE = 'dist/bin';

/**
 * A start reads some forty files instead of six hundred: a third of a second less here, seconds from an SD card. Lies as deep as the
 * modules did, so that `../..` stays the root of the package.
 */
async function bundle() {
  // Not there in an installation, which builds the native part only.
  const { build } = await import('esbuild');
  const { dependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const outside = Object.keys(dependencies).filter((name) => !INSIDE.includes(name));
  rmSync(path.join(root, BUNDLE), { recursive: true, force: true });
  const { metafile } = await build({
    ...{ entryPoints: ENTRIES, outdir: BUNDLE, absWorkingDir: root, logLevel: 'warning' },
    ...{ bundle: true, splitting: true, platform: 'node', format: 'esm', target: 'node20' },
    ...{ sourcemap: true, metafile: true, legalComments: 'none' },
    // Optional parts of ws.
    external: [...outside, 'bufferutil', 'utf-8-validate'],
    // What was CommonJS asks for Node's own modules by `require`.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });
  const packages = Object.keys(metafile.inputs).flatMap(
    (input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? [],
  );
  writeFileSync(path.join(root, BUNDLE, 'LICENCES.txt'), licencesOf([...new Set(packages)].sort()));
}

/** Their licences ask to be passed on with the code. */
function licencesOf(folders) {
  const texts = folders.map((folder) => {
    const at = path.resolve(root, folder);
    const { name, version, license } = JSON.parse(
      readFileSync(path.join(at, 'package.json'), 'utf8'),
    );
    const file = readdirSync(at).find((one) => /^licen[cs]e/i.test(one));
    const text = file === undefined ? '' : readFileSync(path.join(at, file), 'utf8');
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

const tasks = {
  async all() {
    tasks.native();
    run(process.execPath, [
      path.resolve(require.resolve('typescript/package.json'), '../bin/tsc'),
      ...['-p', 'tsconfig.build.json'],
    ]);
    await bundle();
  },
  bundle,
  /** What the agent runs; a quarter less work than with the tests. */
  native() {
    buildNative('build/native');
  },
  'native-for-test'() {
    buildNative('build/native', [TESTS]);
  },
  'native-test'() {
    tasks['native-for-test']();
    testNative('build/native');
    buildNative('build/native-sanitized', [TESTS, '-DVEDETTE_SANITIZE=address,undefined']);
    testNative('build/native-sanitized');
  },
  /** Under QEMU, on another processor; what needs a runtime library or the kernel's own sandbox cannot run there. */
  'native-test-arm64'() {
    const toolchain = path.join(root, 'native/cmake/aarch64.cmake');
    buildNative('build/native-arm64', [TESTS, `-DCMAKE_TOOLCHAIN_FILE=${toolchain}`]);
    testNative('build/native-arm64', ['-R', '^(arena|frame_ring|motion|print)_test$']);
  },
  /** A minute of libFuzzer with clang++ for each target; inputs that crash it are left in the build folder. */
  'native-fuzz'() {
    const options = ['-DVEDETTE_FUZZ=ON', '-DCMAKE_CXX_COMPILER=clang++'];
    const limits = ['-max_total_time=60', '-max_len=4096', '-artifact_prefix=build/native-fuzz/'];
    for (const target of ['catch_up_fuzz', 'link_fuzz', 'motion_fuzz', 'print_fuzz']) {
      buildNative('build/native-fuzz', options, target);
      run(`build/native-fuzz/fuzz/${target}`, limits);
    }
  },
  'native-bench'() {
    for (const target of ['print_bench', 'motion_bench']) {
      buildNative('build/native-bench', ['-DVEDETTE_BENCH=ON'], target);
      run(`build/native-bench/bench/${target}`, []);
    }
  },
};

const name = process.argv[2] ?? 'all';
const task = tasks[name];
if (!task) fail(`no task ${name}; there are: ${Object.keys(tasks).join(', ')}`);
await task();
