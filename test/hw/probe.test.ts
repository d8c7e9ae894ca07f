// The probe on boards that are laid out as files, with decoders and providers that answer as they do there.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { HardwareProfile } from '../../src/contracts/hardware.ts';
import { findHardwareDecoders } from '../../src/hw/hardware-decoders.ts';
import { Machine } from '../../src/hw/machine.ts';
import type { RunProgram, TryOwn } from '../../src/hw/media.ts';
import { probe, recogniseFamily } from '../../src/hw/probe.ts';
import { processorFeatures } from '../../src/hw/processor.ts';
import type { Runtime } from '../../src/hw/providers.ts';
import { type BOARDS, layOut } from '../fixtures/boards.ts';

type Board = keyof typeof BOARDS;

/** GStreamer with `elements`, of which `broken` fail as hardware does; FFmpeg with or without hardware. */
function programs(elements: string[], broken: string[] = [], ffmpegHardware = false): RunProgram {
  return async (program, args) => {
    if (program === 'gst-inspect-1.0') {
      return { status: elements.includes(args[1] as string) ? 0 : 1, output: '' };
    }
    if (program === 'gst-launch-1.0') {
      const failing = broken.find((element) => args.includes(element));
      if (failing === undefined) return { status: 0, output: 'chain   ******* (…)\n'.repeat(5) };
      return {
        status: 1,
        output: `ERROR: from element /GstPipeline:pipeline0/${failing}:${failing}0: Could not open device\nAdditional debug info:\n`,
      };
    }
    if (args.includes('-hwaccel') && !ffmpegHardware) {
      return { status: 1, output: 'Device creation failed: -542398533.\n' };
    }
    return { status: 0, output: '#format: frame checksums\n0, 0, 0, 1, 115200, 4f\n' };
  };
}

const runtime = (providers: string[], working: string[]): Runtime => ({
  ...{ library: '/lib/libonnxruntime.so', version: '1.23.0', providers },
  infer: async (provider) => {
    if (working.includes(provider)) return { tookMs: 1.25 };
    throw new Error(`libonnxruntime_providers_${provider}.so: cannot open shared object file`);
  },
});

function probed(
  board: Board,
  run: RunProgram,
  found: Runtime | null = null,
  tryOwn: TryOwn = async () => ({ decoder: 'avdec_h264', frames: 5 }),
): Promise<HardwareProfile> {
  const cpu = { brand: 'x', cores: 4, features: [] };
  return probe({
    root: layOut(board),
    run,
    runtime: found,
    tryOwn,
    arch: 'x',
    processor: { cpu, memoryMb: 1 },
  });
}

const usable = (profile: HardwareProfile): string[] =>
  profile.decoders
    .filter((one) => one.usable)
    .map(({ codec, via, name }) => `${codec} ${via} ${name}`);

test.each<[Board, string, string, string[]]>([
  [
    'orinNano',
    'jetson',
    'NVIDIA Jetson Orin Nano Developer Kit, Linux for Tegra 36.4.3',
    ['neon', 'dotprod', 'fp16'],
  ],
  ['pi5', 'raspberry-pi', 'Raspberry Pi 5 Model B Rev 1.0', ['neon', 'dotprod', 'fp16']],
  ['pi4', 'raspberry-pi', 'Raspberry Pi 4 Model B Rev 1.4', ['neon']],
  ['n100', 'intel', 'AZW EQ12', ['avx2', 'fma', 'f16c', 'avx_vnni']],
  ['nvidiaServer', 'nvidia', 'Supermicro AS-1014S, 2 × NVIDIA RTX A2000', ['avx2', 'fma', 'f16c']],
  ['virtualMachine', 'generic', 'unknown', ['avx2', 'fma', 'f16c']],
  ['nothing', 'generic', 'unknown', []],
])('%s is recognised', (board, family, model, features) => {
  const machine = new Machine(layOut(board));
  const recognised = recogniseFamily(machine);
  expect([recognised.family.family, recognised.model]).toEqual([family, model]);
  expect(processorFeatures(machine).sort()).toEqual(features.sort());
});

test('devices are named by what they are for; cameras are none of them', async () => {
  const nodes = async (board: Board) =>
    (await probed(board, programs([]))).nodes.map(({ path, kind }) => `${path} ${kind}`);
  expect(await nodes('pi5')).toEqual(['/dev/video19 codec', '/dev/dri/renderD128 gpu']);
  expect(await nodes('n100')).toEqual(['/dev/dri/renderD128 gpu', '/dev/accel/accel0 npu']);
  expect(await nodes('nvidiaServer')).toEqual(['/dev/nvidia0 gpu', '/dev/nvidia1 gpu']);
  expect(await nodes('orinNano')).toContain('/dev/nvhost-nvdec codec');
  expect(await nodes('virtualMachine')).toEqual([]);
});

describe('decoders', () => {
  const software = ['avdec_h264', 'avdec_h265', 'jpegdec'];

  test('hardware comes before software, per codec', async () => {
    const run = programs(['nvv4l2decoder', 'nvjpegdec', ...software]);
    expect(usable(await probed('orinNano', run))).toEqual([
      'h264 gstreamer nvv4l2decoder',
      'h264 gstreamer avdec_h264',
      'h264 ffmpeg software',
      'h265 gstreamer nvv4l2decoder',
      'h265 gstreamer avdec_h265',
      'h265 ffmpeg software',
      'mjpeg gstreamer nvjpegdec',
      'mjpeg gstreamer jpegdec',
      'mjpeg ffmpeg software',
    ]);
  });

  test('a decoder that is listed but does not decode is not used, and its words are kept', async () => {
    const run = programs(['v4l2h264dec', 'v4l2slh265dec', ...software], ['v4l2h264dec']);
    const profile = await probed('pi5', run);
    expect(usable(profile)[0]).toBe('h264 gstreamer avdec_h264');
    expect(profile.decoders).toContainEqual({
      ...{ name: 'v4l2h264dec', via: 'gstreamer', codec: 'h264', hardware: true, usable: false },
      reason: 'Could not open device',
    });
    expect(usable(profile)).toContain('h265 gstreamer v4l2slh265dec');
  });

  test('elements of our own come before those of GStreamer, where a camera process used them', async () => {
    const run = programs(software);
    const own = async (decoder?: string, problem?: string) => {
      const tried: TryOwn = async (clip) =>
        clip.endsWith('h264')
          ? { frames: 5, ...(decoder && { decoder }), ...(problem && { problem }) }
          : { frames: 5, decoder: 'vedetteh265dec' };
      const { decoders } = await probed('virtualMachine', run, null, tried);
      const usableOnes = decoders.filter((one) => one.usable && one.codec === 'h264');
      const { reason } = decoders.find(({ name }) => name === 'vedetteh264dec')!;
      return [usableOnes[0]?.name, reason];
    };
    expect(await own('vedetteh264dec')).toEqual([
      'vedetteh264dec',
      expect.stringContaining('decoded 5 of'),
    ]);
    expect(await own('avdec_h264')).toEqual(['avdec_h264', expect.stringContaining('libavcodec')]);
    expect(await own(undefined, 'killed by SIGSEGV')).toEqual(['avdec_h264', 'killed by SIGSEGV']);
    const profile = await probed('virtualMachine', run, null, async () => ({
      ...{ decoder: 'vedetteh265dec', frames: 5 },
    }));
    expect(usable(profile)).toContain('h265 gstreamer vedetteh265dec');
  });

  test('says whether the device or the package is missing', async () => {
    const reasons = async (board: Board) =>
      (await probed(board, programs(software))).decoders
        .filter((one) => one.hardware && one.codec === 'h264')
        .map(({ name, reason }) => `${name}: ${reason}`);
    expect(await reasons('virtualMachine')).toContain(
      'vah264dec: there is no GPU (/dev/dri/renderD*)',
    );
    expect(await reasons('n100')).toEqual([
      'vah264dec: GStreamer has no element vah264dec (package gstreamer1.0-plugins-bad)',
      'vaapih264dec: GStreamer has no element vaapih264dec (package gstreamer1.0-vaapi)',
      'vaapi: Device creation failed: -542398533.',
    ]);
  });

  test('a machine without GStreamer and FFmpeg has none, and is told so', async () => {
    const profile = await probed('n100', async () => ({ status: null, output: '' }));
    expect(usable(profile)).toEqual([]);
    expect(profile.decoders.map(({ reason }) => reason)).toContain(
      'FFmpeg is missing (package ffmpeg)',
    );
    expect(profile.decoders.map(({ reason }) => reason)).toContain(
      "GStreamer's tools are missing (package gstreamer1.0-tools)",
    );
  });

  test("FFmpeg's hardware counts where it works", async () => {
    expect(usable(await probed('nvidiaServer', programs([], [], true)))).toContain(
      'h264 ffmpeg cuda',
    );
  });
});

describe('a starting agent', () => {
  const found = async (board: Board, run: RunProgram) =>
    (await findHardwareDecoders(run, new Machine(layOut(board)))).map(
      ({ codec, name, usable }) => `${usable ? '+' : '-'}${codec} ${name}`,
    );

  test('stops at the first that works, per codec and program', async () => {
    const run = programs(['vah264dec', 'vaapih264dec', 'vaapih265dec'], [], true);
    expect(await found('n100', run)).toEqual([
      '+h264 vah264dec',
      '+h264 vaapi',
      '-h265 vah265dec',
      '+h265 vaapih265dec',
      '+h265 vaapi',
      '-mjpeg vajpegdec',
      '-mjpeg vaapijpegdec',
      '+mjpeg vaapi',
    ]);
  });

  test('tries none whose device is not there, and starts no program for that', async () => {
    const never: RunProgram = () => Promise.reject(new Error('started'));
    expect(await found('virtualMachine', never)).toEqual([]);
    const pi5 = await found('pi5', programs(['v4l2h264dec', 'v4l2slh265dec']));
    expect(pi5).toEqual(['+h265 v4l2slh265dec']);
  });

  test('tries them down to pictures in memory, as a camera uses them', async () => {
    const launched: string[] = [];
    const run = programs(['nvv4l2decoder']);
    await found('orinNano', (program, args) => {
      if (program === 'gst-launch-1.0') launched.push(args.join(' '));
      return run(program, args);
    });
    expect(launched).toHaveLength(2);
    expect(launched[0]).toContain(
      'h264parse ! nvv4l2decoder ! nvvidconv ! video/x-raw,format=NV12 ! videoconvert !',
    );
  });
});

describe('providers', () => {
  const names = async (board: Board, found: Runtime) =>
    (await probed(board, programs([]), found)).providers.map(
      ({ name, usable }) => `${usable ? '+' : '-'}${name}`,
    );

  test('come in the one order of the agent, usable ones first', async () => {
    const everything = ['tensorrt', 'cuda', 'cpu'];
    expect(await names('orinNano', runtime(everything, everything))).toEqual([
      '+tensorrt',
      '+cuda',
      '+cpu',
      '-openvino',
    ]);
    expect(await names('orinNano', runtime(everything, ['cuda', 'cpu']))).toEqual([
      '+cuda',
      '+cpu',
      '-tensorrt',
      '-openvino',
    ]);
    expect(await names('n100', runtime(['openvino', 'cpu'], ['openvino', 'cpu']))).toEqual([
      '+openvino',
      '+cpu',
      '-tensorrt',
      '-cuda',
    ]);
  });

  test('what the library lacks, what does not work and what is never chosen is said', async () => {
    const { providers } = await probed(
      'n100',
      programs([]),
      runtime(['cuda', 'webgpu', 'cpu'], ['cpu']),
    );
    expect(providers.map(({ name, reason }) => `${name}: ${reason}`)).toEqual([
      'cpu: works everywhere; a test inference took 1.3 ms',
      'tensorrt: ONNX Runtime 1.23.0 was built without it (/lib/libonnxruntime.so)',
      'cuda: libonnxruntime_providers_cuda.so: cannot open shared object file',
      'openvino: ONNX Runtime 1.23.0 was built without it (/lib/libonnxruntime.so)',
      expect.stringMatching(/^webgpu: in the library, but not chosen by itself/),
    ]);
  });

  test('without a library there is none', async () => {
    const profile = await probed('pi4', programs([]));
    expect([profile.runtime, profile.providers]).toEqual([null, []]);
  });
});

test('this machine decodes every codec in software and infers on its CPU', () => {
  const main = join(import.meta.dirname, '../../src/cli/main.ts');
  const loader = ['--import', 'tsx', main, 'probe'];
  const profile = JSON.parse(
    execFileSync(process.execPath, [...loader, '--json'], { encoding: 'utf8' }),
  ) as HardwareProfile;
  expect(profile.cpu.cores).toBeGreaterThan(0);
  expect(profile.memory_mb).toBeGreaterThan(500);
  expect(usable(profile)).toEqual(
    expect.arrayContaining([
      'h264 gstreamer vedetteh264dec',
      'h264 gstreamer avdec_h264',
      'h265 gstreamer vedetteh265dec',
      'h265 gstreamer avdec_h265',
      'mjpeg gstreamer jpegdec',
      'h264 ffmpeg software',
      'h265 ffmpeg software',
      'mjpeg ffmpeg software',
    ]),
  );
  const first = profile.decoders.filter(({ hardware, usable }) => usable && !hardware);
  expect(first.map(({ name }) => name)[0]).toBe('vedetteh264dec');
  expect(profile.providers.filter(({ usable }) => usable).map(({ name }) => name)).toContain('cpu');
}, 60_000);
