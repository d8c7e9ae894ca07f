// `npm run check`: style, types, architecture and unit tests, side by side. Needs no camera, broker or native build.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const BIN = join(ROOT, 'node_modules', '.bin');

const STEPS = {
  style: ['biome', 'check', '--error-on-warnings', '.'],
  types: ['tsc', '-p', 'tsconfig.json'],
  tests: ['vitest', 'run', '--project', 'unit', '--reporter', 'dot'],
};

/** Runs one step and resolves with what it said and whether it passed. */
function run([program, ...args]) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(join(BIN, program), args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => (output += `${error.message}\n`));
    child.on('close', (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      resolve({ isPassed: code === 0, output, seconds });
    });
  });
}

const results = await Promise.all(
  Object.entries(STEPS).map(async ([name, step]) => {
    const result = await run(step);
    console.log(`${result.isPassed ? 'ok  ' : 'FAIL'} ${name} ${result.seconds} s`);
    return result;
  }),
);
const failed = results.filter(({ isPassed }) => !isPassed);
for (const { output } of failed) console.error(output);
process.exitCode = failed.length === 0 ? 0 : 1;
