// Boots a Debian with a real systemd in QEMU and lets trial.sh run there. Needs root, about 4 GB and ten minutes; KVM is not used.
//
//   npm run build && node test/qemu/run.mjs        keeps the Debian base in build/qemu for the next time
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const WORK = join(ROOT, 'build', 'qemu');
const BASE = join(WORK, 'base.tar');
const IMAGE = join(WORK, 'image');
const DISK = join(WORK, 'disk.img');
const LIMIT_MS = 15 * 60_000;
const PACKAGES = [
  ...['systemd', 'systemd-sysv', 'dbus', 'udev', 'kmod', 'procps', 'linux-image-cloud-amd64'],
  ...['passwd', 'libstdc++6', 'gstreamer1.0-plugins-base', 'gstreamer1.0-plugins-good'],
  ...['gstreamer1.0-plugins-bad', 'gstreamer1.0-libav'],
];

const TRIAL_UNIT = `[Unit]
After=basic.target dbus.service
[Service]
Type=oneshot
TimeoutStartSec=infinity
StandardOutput=file:/dev/ttyS0
StandardError=inherit
ExecStart=/bin/bash /root/trial.sh
ExecStopPost=/bin/systemctl poweroff --force
[Install]
WantedBy=multi-user.target
`;

function run(program, args) {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) fail(`${program} ${args.join(' ')}: ${error?.message ?? `status ${status}`}`);
}

function fail(problem) {
  console.error(`qemu: ${problem}`);
  process.exit(1);
}

function checkTools() {
  const needed = {
    mmdebstrap: 'mmdebstrap',
    'qemu-system-x86_64': 'qemu-system-x86',
    'mkfs.ext4': 'e2fsprogs',
    ffmpeg: 'ffmpeg',
  };
  const missing = Object.entries(needed).filter(
    ([program]) => spawnSync('which', [program]).status !== 0,
  );
  if (missing.length > 0) fail(`apt install ${missing.map(([, name]) => name).join(' ')}`);
  if (process.getuid() !== 0) fail('only root can make the image');
  for (const file of ['dist/bin/main.js', 'build/native/vedette.node']) {
    if (!existsSync(join(ROOT, file))) fail(`${file} is missing; npm run build makes it`);
  }
}

/** What an installed package would hold, at /opt/vedette. */
function copyVedette() {
  const target = join(IMAGE, 'opt', 'vedette');
  for (const folder of ['dist', 'models', 'schema', 'systemd', 'package.json']) {
    cpSync(join(ROOT, folder), join(target, folder), { recursive: true });
  }
  for (const name of readdirSync(join(ROOT, 'build/native')).filter((file) =>
    file.endsWith('.node'),
  )) {
    cpSync(join(ROOT, 'build/native', name), join(target, 'native/prebuilds/linux-x64', name));
  }
  const list = spawnSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  for (const folder of list.stdout.split('\n').filter((line) => line.includes('node_modules'))) {
    cpSync(folder, join(target, relative(ROOT, folder)), { recursive: true, force: true });
  }
  cpSync(process.execPath, join(IMAGE, 'usr/bin/node'), { dereference: true });
}

function makeImage() {
  rmSync(IMAGE, { recursive: true, force: true });
  mkdirSync(IMAGE, { recursive: true });
  if (!existsSync(BASE)) {
    const partial = `${BASE}.part.tar`;
    run('mmdebstrap', [
      '--quiet',
      '--variant=minbase',
      `--include=${PACKAGES.join(',')}`,
      'bookworm',
      partial,
    ]);
    run('mv', [partial, BASE]);
  }
  run('tar', ['-xf', BASE, '-C', IMAGE]);
  copyVedette();
  cpSync(join(import.meta.dirname, 'trial.sh'), join(IMAGE, 'root/trial.sh'));
  const picture = 'testsrc2=size=320x180:rate=5:duration=10';
  const clip = join(IMAGE, 'root/clip.mp4');
  run('ffmpeg', [
    '-v',
    'error',
    '-f',
    'lavfi',
    '-i',
    picture,
    '-c:v',
    'libx264',
    '-g',
    '5',
    '-pix_fmt',
    'yuv420p',
    clip,
  ]);
  const unit = join(IMAGE, 'etc/systemd/system/trial.service');
  const wants = join(IMAGE, 'etc/systemd/system/multi-user.target.wants/trial.service');
  writeFileSync(unit, TRIAL_UNIT);
  mkdirSync(dirname(wants), { recursive: true });
  symlinkSync('/etc/systemd/system/trial.service', wants);
  // A login prompt would hang up the line that the trial talks on.
  symlinkSync('/dev/null', join(IMAGE, 'etc/systemd/system/serial-getty@ttyS0.service'));
  rmSync(DISK, { force: true });
  run('mkfs.ext4', ['-q', '-F', '-d', IMAGE, DISK, '4G']);
}

/** Everything that the machine wrote to its serial console. */
function boot() {
  const find = (prefix) =>
    join(
      IMAGE,
      'boot',
      readdirSync(join(IMAGE, 'boot')).find((name) => name.startsWith(prefix)),
    );
  const qemu = spawn('qemu-system-x86_64', [
    ...['-M', 'q35', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2048'],
    ...['-kernel', find('vmlinuz'), '-initrd', find('initrd')],
    ...['-append', 'root=/dev/vda rw console=ttyS0 quiet systemd.show_status=false'],
    ...['-drive', `file=${DISK},if=virtio,format=raw,cache=unsafe`],
    ...['-nic', 'none', '-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-no-reboot'],
  ]);
  const limit = setTimeout(() => qemu.kill('SIGKILL'), LIMIT_MS);
  let said = '';
  for (const stream of [qemu.stdout, qemu.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
      process.stdout.write(text);
    });
  }
  return new Promise((done) => {
    qemu.once('close', () => {
      clearTimeout(limit);
      done(said);
    });
  });
}

checkTools();
makeImage();
const startMs = Date.now();
const said = await boot();
const passed = said.match(/^CHECK ok /gm)?.length ?? 0;
const failed = said.match(/^CHECK fails /gm)?.length ?? 0;
const isOver = said.includes('TRIAL over');
console.log(
  `${passed} passed, ${failed} failed${isOver ? '' : ', not finished'} in ${Math.round((Date.now() - startMs) / 1000)} s`,
);
process.exit(failed === 0 && isOver ? 0 : 1);
