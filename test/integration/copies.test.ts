// Nothing of a frame is copied but the tensor, counted by a probe from outside; and the probe sees a stage that does copy.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateClip } from '../../src/bench/generated-clip.ts';
import { type Measured, type Rows, readRows, sum } from './copies.ts';

const BUILT = resolve(import.meta.dirname, '../../build/native/test');
const PROBE = join(BUILT, 'libcopies_probe.so');
const PLANTED = join(BUILT, 'libcopies_planted.so');
const RUN = join(import.meta.dirname, 'copies-run.ts');
const FRAME_BYTES = 1920 * 1080 * 1.5;
const FRAMES = 100;
/** What a model copies inside itself is part of its inference. */
const INFERENCE = /^libonnxruntime/;

function isMissing(): boolean {
  if (existsSync(PROBE) && existsSync(PLANTED)) return false;
  console.warn(`SKIPPED: counting copies needs ${PROBE} (npm run build:native)`);
  return true;
}

describe.skipIf(isMissing())('copies', () => {
  let folder: string;
  let clip: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vedette-copies-'));
    clip = generateClip(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const counted = (name: string, preload: string, program: string, args: readonly string[]) => {
    const rows = mkdtempSync(join(folder, name));
    const env = { ...process.env, LD_PRELOAD: preload, VEDETTE_COPIES: rows };
    const run = spawnSync(program, [...args.map((arg) => (arg === '{rows}' ? rows : arg))], {
      ...{ env, encoding: 'utf8' },
    });
    expect(run.status, run.stderr).toBe(0);
    return { rows, stdout: run.stdout };
  };

  const wholePath = (name: string, ...preload: string[]): Measured => {
    const args = ['--import', 'tsx', RUN, clip, '{rows}', String(FRAMES)];
    const { stdout } = counted(name, preload.join(' '), process.execPath, args);
    return JSON.parse(stdout.trim().split('\n').at(-1)!);
  };

  /** Frames' worth of bytes per inferred frame, beyond what is printed and what a decoder writes. */
  const beside = ({ agent, camera, inferred, decoded }: Measured): number => {
    const moved = (rows: Rows) => sum(rows, 'copied', INFERENCE) + sum(rows, 'moved', INFERENCE);
    // GStreamer's own decoder maps each picture that it decodes, ours does not need to.
    const decoders = 'libgstlibav.so' in camera ? 1 : 0;
    const written = sum(camera, 'mapped') - decoders * decoded * FRAME_BYTES;
    return (moved(agent) + moved(camera) + Math.max(0, written)) / inferred / FRAME_BYTES;
  };

  it('the tensor is all that is copied of a frame', () => {
    const measured = wholePath('plain', PROBE);
    expect(measured.inferred).toBeGreaterThanOrEqual(FRAMES);
    const rest = beside(measured);
    const printed = measured.printedBytes / measured.inferred / FRAME_BYTES;
    console.log(
      `${printed.toFixed(3)} of a frame printed, ${rest.toFixed(3)} copied besides: the stream as it comes, messages`,
    );
    expect(rest).toBeLessThan(0.1);
    expect(printed + rest).toBeLessThan(0.25);
  });

  it('a stage that copies is seen', () => {
    const measured = wholePath('planted', PROBE, PLANTED);
    expect(beside(measured)).toBeGreaterThan(0.9);
    expect(sum(measured.camera, 'copied', /^(?!libcopies_planted)/)).toBeGreaterThan(
      0.9 * measured.inferred * FRAME_BYTES,
    );
  });

  it('so is a converter behind the decoder, which copies with instructions of its own', () => {
    const frames = 60;
    const written = (name: string, ...elements: string[]): number => {
      const pipeline = [
        ...['-q', 'filesrc', `location=${clip}`, '!', 'qtdemux', '!', 'h264parse', '!'],
        ...['avdec_h264', 'max-threads=1', '!', ...elements],
        ...['identity', `eos-after=${frames}`, '!', 'fakesink'],
      ];
      const { rows } = counted(name, PROBE, 'gst-launch-1.0', pipeline);
      const [file] = readdirSync(rows);
      return sum(readRows(readFileSync(join(rows, file!))), 'mapped') / frames / FRAME_BYTES;
    };
    const converter = ['videoconvert', '!', 'video/x-raw,format=RGB', '!'];
    expect(written('converted', ...converter)).toBeGreaterThan(written('decoded') + 0.9);
  });
});
