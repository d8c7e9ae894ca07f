// Which decoders really decode here: every candidate gets a clip, and only frames that come out count.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DecoderTrial, intoMemory, SOFTWARE_DECODERS } from '../contracts/decoder.ts';
import type { DecoderChoice } from '../contracts/hardware.ts';
import type { DecoderCandidate, Family } from './family.ts';
import type { Machine } from './machine.ts';
import { nodeNames } from './nodes.ts';
import { TEST_CLIPS } from './test-clips.ts';

type Codec = DecoderChoice['codec'];

/** Runs a program to its end or for a limited time. `status` is null when it could not be started or was killed. */
export type RunProgram = (
  program: string,
  args: readonly string[],
) => Promise<{ status: number | null; output: string }>;

export const CODECS: readonly Codec[] = ['h264', 'h265', 'mjpeg'];
const PROBE_LIMIT_MS = 20_000;
const PARSERS: Record<Codec, string> = { h264: 'h264parse', h265: 'h265parse', mjpeg: 'jpegparse' };
const DEMUXERS: Record<Codec, string> = { h264: 'h264', h265: 'hevc', mjpeg: 'mjpeg' };

/** Debian's packages of software decoders. */
const PACKAGES: Readonly<Record<string, string>> = {
  avdec_h264: 'gstreamer1.0-libav',
  avdec_h265: 'gstreamer1.0-libav',
  avdec_mjpeg: 'gstreamer1.0-libav',
  openh264dec: 'gstreamer1.0-plugins-bad',
  libde265dec: 'gstreamer1.0-plugins-bad',
  jpegdec: 'gstreamer1.0-plugins-good',
};

/** Has a camera process decode the clip. */
export type TryOwn = (clip: string) => Promise<DecoderTrial>;

/** What the print kernel reads of 4:2:0 video. */
const PRINTABLE = 'video/x-raw,format={I420,NV12}';

interface Trial {
  readonly frames: number;
  readonly problem?: string;
  /** There is no such element. */
  readonly isAbsent?: boolean;
}

/**
 * All decoders of `family` and of software, by codec; usable ones first, in the order of choice: hardware before
 * software, GStreamer before FFmpeg. Takes about a fifth of a second per decoder that exists. `tryOwn` is for elements of
 * Vedette's own, which GStreamer's tools do not know.
 */
export async function findDecoders(
  family: Family,
  machine: Machine,
  tryOwn: TryOwn,
  run: RunProgram = programRunner(PROBE_LIMIT_MS),
): Promise<DecoderChoice[]> {
  const nodes = nodeNames(machine);
  return withTestClips(async (clips) => {
    const choices: DecoderChoice[] = [];
    for (const codec of CODECS) {
      const clip = clips[codec];
      const found: DecoderChoice[] = [];
      for (const candidate of family.decoders.filter((one) => one.codec === codec)) {
        found.push(await tryHardware(candidate, nodes, clip, run));
      }
      for (const element of SOFTWARE_DECODERS[codec]) {
        const trial = element.startsWith('vedette')
          ? asTrial(element, await tryOwn(clip))
          : await tryGStreamer(element, PACKAGES[element] ?? '', codec, clip, [element], run);
        found.push(choice('gstreamer', codec, element, false, trial));
      }
      const trial = await tryFfmpeg(codec, clip, [], [], run);
      found.push(choice('ffmpeg', codec, 'software', false, trial));
      choices.push(...found.filter((one) => one.usable), ...found.filter((one) => !one.usable));
    }
    return choices;
  });
}

/** Lays the test clips out as files, for as long as `use` takes. */
export async function withTestClips<T>(
  use: (clips: Readonly<Record<Codec, string>>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'vedette-probe-'));
  const clip = (codec: Codec): string => path.join(folder, `clip.${codec}`);
  try {
    for (const codec of CODECS) writeFileSync(clip(codec), TEST_CLIPS[codec].bytes);
    return await use({ h264: clip('h264'), h265: clip('h265'), mjpeg: clip('mjpeg') });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function choice(
  via: DecoderChoice['via'],
  codec: Codec,
  name: string,
  hardware: boolean,
  { frames, problem }: Trial,
): DecoderChoice {
  const wanted = TEST_CLIPS[codec].frames;
  const usable = problem === undefined && frames > 0;
  const where = hardware ? 'in hardware' : 'on the CPU';
  const decoded = `decoded ${frames} of ${wanted} frames of a test clip ${where}`;
  const reason = usable ? decoded : (problem ?? 'no frame of a test clip came out');
  return { name, usable, reason, via, codec, hardware };
}

/** Camera processes go on with the next decoder where theirs is not there. */
function asTrial(element: string, { decoder, frames, problem }: DecoderTrial): Trial {
  if (decoder === undefined || decoder === element)
    return { frames, ...(problem === undefined ? {} : { problem }) };
  return {
    frames: 0,
    problem: 'the system has no libavcodec (package gstreamer1.0-libav brings it)',
  };
}

/** Down to pictures that the processor can read, as a camera will use it. */
export async function tryHardware(
  { via, codec, name, needs, from }: DecoderCandidate,
  nodes: readonly string[],
  clip: string,
  run: RunProgram,
): Promise<DecoderChoice> {
  const node = nodes.find((one) => needs.nodes.test(one));
  const noNode = `there is no ${needs.what.replace(/^(an?|the) /, '')}`;
  if (via === 'gstreamer') {
    const words = [name, '!', ...intoMemory(name).split(' '), '!', 'videoconvert', '!', PRINTABLE];
    const trial = await tryGStreamer(name, from, codec, clip, words, run);
    // Most elements register only where their device is: then that is what is missing.
    const isAbsent = trial.isAbsent === true && node === undefined;
    return choice(via, codec, name, true, isAbsent ? { frames: 0, problem: noNode } : trial);
  }
  if (node === undefined) return choice(via, codec, name, true, { frames: 0, problem: noNode });
  const device = name === 'vaapi' ? ['-hwaccel_device', `/dev/${node}`] : [];
  // Without a format of the device FFmpeg would go on in software and say nothing.
  const before = ['-hwaccel', name, ...device, '-hwaccel_output_format', name];
  const after = ['-vf', 'hwdownload,format=nv12'];
  return choice(via, codec, name, true, await tryFfmpeg(codec, clip, before, after, run));
}

async function tryGStreamer(
  element: string,
  from: string,
  codec: Codec,
  clip: string,
  words: readonly string[],
  run: RunProgram,
): Promise<Trial> {
  const exists = await run('gst-inspect-1.0', ['--exists', element]);
  if (exists.status === null) {
    return { frames: 0, problem: "GStreamer's tools are missing (package gstreamer1.0-tools)" };
  }
  if (exists.status !== 0) {
    const problem = `GStreamer has no element ${element} (package ${from})`;
    return { frames: 0, problem, isAbsent: true };
  }
  const { status, output } = await run('gst-launch-1.0', [
    ...['-v', 'filesrc', `location=${clip}`, '!', PARSERS[codec], '!', ...words],
    ...['!', 'fakesink', 'silent=false', 'sync=false'],
  ]);
  // One line per buffer that reaches the sink.
  const frames = output.match(/chain\s+\*+/g)?.length ?? 0;
  if (status === 0) return { frames };
  const error = /ERROR: (?:from element .*?: )?(.*)/.exec(output)?.[1];
  return { frames, problem: error ?? 'GStreamer did not get through a test clip' };
}

async function tryFfmpeg(
  codec: Codec,
  clip: string,
  before: readonly string[],
  after: readonly string[],
  run: RunProgram,
): Promise<Trial> {
  const { status, output } = await run('ffmpeg', [
    ...['-nostdin', '-hide_banner', '-v', 'error', ...before],
    ...['-f', DEMUXERS[codec], '-i', clip, ...after, '-f', 'framemd5', '-'],
  ]);
  if (status === null) return { frames: 0, problem: 'FFmpeg is missing (package ffmpeg)' };
  const lines = output.split('\n').filter((line) => line !== '');
  if (status === 0) return { frames: lines.filter((line) => /^0,/.test(line)).length };
  const problem = lines.find((line) => !line.startsWith('#')) ?? `FFmpeg ended with ${status}`;
  return { frames: 0, problem };
}

export function programRunner(limitMs: number): RunProgram {
  const limits = { timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 22 } as const;
  return (program, args) =>
    new Promise((resolve) => {
      execFile(program, [...args], limits, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ status, output: stdout + stderr });
      });
    });
}
