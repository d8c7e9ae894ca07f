// Makes a plain Debian 12 with Node 20 ready: system packages, npm packages, native build. Uses nothing but Node itself.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const STAMPS = join(ROOT, 'build', 'bootstrap.json');

/** What is missing without each group is said when it cannot be installed. */
const PACKAGES = {
  build: {
    for: 'building the native part',
    names: [
      'g++',
      'make',
      'cmake',
      'ninja-build',
      'pkg-config',
      'python3',
      'libgstreamer1.0-dev',
      'libgstreamer-plugins-base1.0-dev',
      'libgstrtspserver-1.0-dev',
    ],
  },
  run: {
    for: 'decoding cameras',
    names: [
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-plugins-ugly',
      'gstreamer1.0-libav',
      'gstreamer1.0-tools',
      'ffmpeg',
      'fonts-dejavu-core',
    ],
  },
  demo: { for: 'the demo footage', names: ['opencv-doc'] },
  train: {
    for: 'training the embedded detector',
    names: [
      'python3-torch',
      'python3-numpy',
      'python3-opencv',
      'python3-onnx',
      'python3-matplotlib',
    ],
  },
  test: {
    for: 'tests against a real broker, a foreign RTSP server and the headers of FFmpeg',
    names: [
      ...['mosquitto', 'mosquitto-clients', 'vlc-bin', 'vlc-plugin-base', 'opencv-doc'],
      'libavcodec-dev',
    ],
  },
};

/** `--quiet` prints only what is done, not what was found done; `--for demo|test|train` adds that group. */
const isQuiet = process.argv.includes('--quiet');
const purpose = process.argv[process.argv.indexOf('--for') + 1];

main();

function main() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node ${process.versions.node} is too old`, 'install Node 20.19 or newer');
  }
  const groups = ['build', 'run', ...(purpose in PACKAGES ? [purpose] : [])];
  installDebianPackages(groups);
  const stamps = readStamps();
  const lockHash = hashOf([join(ROOT, 'package-lock.json')]);
  step('npm packages', stamps.npm === lockHash && existsSync(join(ROOT, 'node_modules')), () => {
    run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], npmEnvironment());
    writeStamps({ ...readStamps(), npm: lockHash });
  });
  const nativeHash = hashOf(filesBelow(join(ROOT, 'native')));
  const isForTest = purpose === 'test';
  const isBuilt = existsSync(join(ROOT, 'build', 'native', isForTest ? 'test' : 'vedette.node'));
  step('native part', readStamps().native === nativeHash && isBuilt, () => {
    const task = isForTest ? 'native-for-test' : 'native';
    run(process.execPath, [join(ROOT, 'scripts', 'build.mjs'), task], process.env);
    writeStamps({ ...readStamps(), native: nativeHash });
  });
}

function installDebianPackages(groups) {
  const wanted = [...new Set(groups.flatMap((group) => PACKAGES[group].names))];
  const missing = wanted.filter((name) => !isInstalled(name));
  step('system packages', missing.length === 0, () => {
    const reasons = groups.map((group) => PACKAGES[group].for).join(', ');
    if (!existsSync('/usr/bin/apt-get')) {
      fail(
        `missing: ${missing.join(' ')} (for ${reasons})`,
        'install them with your package manager',
      );
    }
    const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
    const apt = [...sudo, 'apt-get'];
    const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    say(`installing with apt: ${missing.join(' ')}`);
    const install = [...apt, 'install', '-y', '-q', '--no-install-recommends', ...missing];
    for (const command of [[...apt, 'update', '-q'], install]) {
      const [program, ...args] = command;
      const result = spawnSync(program, args, { env: environment, encoding: 'utf8' });
      if (result.status === 0) continue;
      process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? result.error?.message ?? ''}`);
      fail(
        `\`${command.slice(0, 3).join(' ')}\` failed; needed for ${reasons}`,
        `run as root: apt-get install --no-install-recommends ${missing.join(' ')}`,
      );
    }
  });
}

/**
 * better-sqlite3 and gstreamer-superficial compile against Node's headers. Those beside the running
 * node are named, because the default is to download them; prebuilt binaries would be downloads too.
 */
function npmEnvironment() {
  const prefix = dirname(dirname(process.execPath));
  const nodedir = process.env.npm_config_nodedir ?? prefix;
  if (!existsSync(join(nodedir, 'include', 'node', 'node.h'))) {
    fail(`no Node headers in ${nodedir}/include/node`, 'set npm_config_nodedir to where they are');
  }
  return {
    ...process.env,
    npm_config_nodedir: nodedir,
    npm_config_build_from_source: 'true',
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  };
}

function isInstalled(name) {
  const query = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], {
    encoding: 'utf8',
  });
  return query.status === 0 && query.stdout === 'installed';
}

function step(name, isDone, work) {
  if (isDone) {
    if (!isQuiet) say(`${name}: ready`);
    return;
  }
  const startMs = Date.now();
  say(`${name}: setting up …`);
  work();
  say(`${name}: ready after ${Math.round((Date.now() - startMs) / 1000)} s`);
}

function run(program, args, env) {
  const result = spawnSync(program, args, { cwd: ROOT, env, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) fail(`\`${program} ${args.join(' ')}\` failed`, 'read its output above');
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hashOf(paths) {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths) hash.update(relative(ROOT, path)).update(readFileSync(path));
  return hash.digest('hex');
}

function readStamps() {
  return existsSync(STAMPS) ? JSON.parse(readFileSync(STAMPS, 'utf8')) : {};
}

function writeStamps(stamps) {
  mkdirSync(dirname(STAMPS), { recursive: true });
  writeFileSync(STAMPS, `${JSON.stringify(stamps, null, 2)}\n`);
}

function say(text) {
  process.stderr.write(`bootstrap: ${text}\n`);
}

function fail(problem, remedy) {
  process.stderr.write(`bootstrap: ${problem}\nbootstrap: ${remedy}\n`);
  process.exit(1);
}
