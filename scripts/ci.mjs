// Runs every check on a clean checkout and sums them up in the last line: `N passed, N failed`.
// Uses nothing but Node itself until bootstrap has run.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const BUILD = join(ROOT, 'build');
const hasMaterial = existsSync(join(ROOT, '..', 'shared', 'models'));

const totals = { passed: 0, failed: 0 };

mkdirSync(BUILD, { recursive: true });
step('set-up', 'node', ['scripts/bootstrap.mjs', '--for', 'test']);
if (totals.failed === 0) {
  step('style', 'npx', ['biome', 'ci', '.']);
  step('types', 'npx', ['tsc', '--noEmit']);
  vitest();
  ctest();
  training();
  step('build', 'node', ['scripts/build.mjs']);
  step('built command', 'node', ['dist/bin/main.js', '--version']);
  step('demo', 'npm', ['run', 'demo', '--', '--seconds', '25']);
}
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
process.exit(totals.failed === 0 ? 0 : 1);

/** The README's test command, with its cases counted one by one. A skipped case is a failure where the material exists. */
function vitest() {
  const report = join(BUILD, 'vitest.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const result = run('npm', ['test', '--', ...reporters]);
  if (!existsSync(report)) {
    count('tests', false);
    return;
  }
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(
    readFileSync(report, 'utf8'),
  );
  totals.passed += numPassedTests;
  totals.failed += numFailedTests;
  say(`tests: ${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
  if (hasMaterial && numPendingTests > 0)
    count('no test is skipped where its material exists', false);
  if (result.status !== 0 && numFailedTests === 0) count('test run', false);
}

/** The native tests, plain and under sanitizers; scripts/build.mjs runs ctest in both builds. */
function ctest() {
  const result = run('node', ['scripts/build.mjs', 'native-test'], 'pipe');
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  process.stdout.write(output);
  for (const [, failed, all] of output.matchAll(/, (\d+) tests failed out of (\d+)/g)) {
    totals.failed += Number(failed);
    totals.passed += Number(all) - Number(failed);
  }
  if (result.status !== 0) count('native tests', false);
}

/** The self-checks of the training code; they also hold the exported graph against torch. */
function training() {
  step('set-up for training', 'node', ['scripts/bootstrap.mjs', '--quiet', '--for', 'train']);
  const folder = join(ROOT, 'models', 'train');
  const result = run('/usr/bin/python3', ['-m', 'unittest'], 'pipe', folder);
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}`;
  process.stdout.write(output);
  const all = Number(/^Ran (\d+) tests/m.exec(output)?.[1] ?? 0);
  const problems = /FAILED \((?:failures=(\d+))?(?:, )?(?:errors=(\d+))?/.exec(output);
  const failed = Number(problems?.[1] ?? 0) + Number(problems?.[2] ?? 0);
  totals.failed += failed;
  totals.passed += all - failed;
  if (all === 0 || (result.status !== 0 && failed === 0)) count('training code', false);
}

function step(name, program, args) {
  count(name, run(program, args).status === 0);
}

function count(name, isPassed) {
  if (isPassed) totals.passed += 1;
  else totals.failed += 1;
  say(`${name}: ${isPassed ? 'passed' : 'FAILED'}`);
}

function run(program, args, output = 'inherit', cwd = ROOT) {
  say(`${program} ${args.join(' ')}`);
  return spawnSync(program, args, {
    cwd,
    stdio: ['ignore', output, output],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
}

function say(text) {
  process.stdout.write(`ci: ${text}\n`);
}
