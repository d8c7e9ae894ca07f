// Decodes picture files and the frames of a clip into memory.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import sharp, { type OutputInfo } from 'sharp';
import { AgentError, causeText } from '../../src/core/errors.ts';
import type { PixelSource } from '../../src/native/print.ts';
import type { TruthPicture } from './truth.ts';

/** RGB as stored: the orientation in the metadata is not applied, as annotations do not know it either. */
export async function decodePicture({
  file,
  widthPx,
  heightPx,
}: TruthPicture): Promise<PixelSource> {
  const { data, info } = await decode(file);
  if ((widthPx ?? info.width) !== info.width || (heightPx ?? info.height) !== info.height) {
    const problem = `${file} is ${info.width}x${info.height}, its annotations are for ${widthPx}x${heightPx}`;
    throw new AgentError('USAGE', { problem });
  }
  return { data, pixelFormat: 'RGB', widthPx: info.width, heightPx: info.height };
}

async function decode(file: string): Promise<{ data: Buffer; info: OutputInfo }> {
  try {
    const picture = sharp(file).removeAlpha().toColourspace('srgb');
    return await picture.raw().toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw new AgentError('USAGE', { problem: `cannot decode ${file}: ${causeText(error)}` });
  }
}

export interface Clip {
  readonly file: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly fps: number;
}

export function openClip(file: string): Clip {
  const fields = 'stream=width,height,avg_frame_rate';
  const args = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', fields, '-of', 'json'];
  const { status, stdout, stderr, error } = spawnSync('ffprobe', [...args, file], {
    encoding: 'utf8',
  });
  const stream = status === 0 ? JSON.parse(stdout).streams[0] : undefined;
  if (stream === undefined) {
    const cause = error?.message ?? (stderr.trim() || 'it has no video');
    throw new AgentError('USAGE', { problem: `cannot read the clip ${file}: ${cause}` });
  }
  const [frames, seconds] = stream.avg_frame_rate.split('/').map(Number);
  return { file, widthPx: stream.width, heightPx: stream.height, fps: frames / seconds };
}

/**
 * The first `count` frames, in the layout that software decoders deliver unless RGB is asked for. A frame is valid until the
 * next one.
 */
export async function* framesOf(
  { file, widthPx, heightPx }: Clip,
  count: number,
  pixelFormat: 'I420' | 'RGB' = 'I420',
): AsyncGenerator<PixelSource> {
  const frames = ['-fps_mode', 'passthrough', '-frames:v', String(count)];
  const layout = pixelFormat === 'RGB' ? 'rgb24' : 'yuv420p';
  const format = ['-f', 'rawvideo', '-pix_fmt', layout, 'pipe:1'];
  const ffmpeg = spawn('ffmpeg', ['-v', 'error', '-i', file, ...frames, ...format], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chroma = 2 * Math.ceil(widthPx / 2) * Math.ceil(heightPx / 2);
  const luma = widthPx * heightPx;
  const data = Buffer.alloc(pixelFormat === 'RGB' ? 3 * luma : luma + chroma);
  let filled = 0;
  for await (const chunk of ffmpeg.stdout as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.copy(data, filled, at);
      at += taken;
      filled += taken;
      if (filled < data.length) continue;
      filled = 0;
      yield { data, pixelFormat, widthPx, heightPx };
    }
  }
  if (ffmpeg.exitCode === null) await once(ffmpeg, 'exit');
}
