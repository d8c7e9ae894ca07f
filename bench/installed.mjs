// Runs a bench against what gets installed: src/ as compiled in dist/, under plain Node, so that neither the agent nor its camera
// processes carry a loader.
//
// node bench/installed.mjs bench/NAME.ts [ARGUMENTS]. Compiles dist/ first, unless VEDETTE_BENCH_BUILT is set.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const [bench, ...args] = process.argv.slice(2);

function run(...command) {
  const { status, signal } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? (signal === null ? 1 : 130));
}

/** What a bench imports from src/ is taken from dist/; its own files and those of test/ go into the bundle. */
const installed = {
  name: 'installed',
  setup(builder) {
    builder.onResolve({ filter: /^\.{1,2}\// }, ({ path: wanted, resolveDir }) => {
      const inSource = path.relative(path.join(root, 'src'), path.resolve(resolveDir, wanted));
      if (inSource.startsWith('..')) return undefined;
      const file = path.join(root, 'dist', inSource.replace(/\.ts$/, '.js'));
      return { path: file, external: true };
    });
    // Files stay where they were as far as they can tell.
    builder.onLoad({ filter: /\.ts$/ }, ({ path: file }) => ({
      contents: readFileSync(file, 'utf8').replaceAll(
        'import.meta.dirname',
        JSON.stringify(path.dirname(file)),
      ),
      loader: 'ts',
    }));
  },
};

if (bench === undefined) {
  console.error('usage: node bench/installed.mjs bench/NAME.ts [ARGUMENTS]');
  process.exit(64);
}
if (process.env.VEDETTE_BENCH_BUILT === undefined) run('scripts/build.mjs');
const outfile = path.join(root, 'build/bench', `${path.basename(bench, '.ts')}.mjs`);
mkdirSync(path.dirname(outfile), { recursive: true });
await build({
  ...{ entryPoints: [path.resolve(bench)], outfile, absWorkingDir: root },
  ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external', target: 'node20' },
  ...{ plugins: [installed], logLevel: 'warning' },
});
run(outfile, ...args);
