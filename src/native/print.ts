// Prints from plain memory into the arena: what camera processes do from decoder memory, for everybody else.
import type { Box } from '../contracts/geometry.ts';
import type { Placement, PrintFormat } from '../contracts/ticket.ts';
import { AgentError } from '../core/errors.ts';
import type { Arena } from './arena.ts';
import { callNative, loadNative } from './binding.ts';

export type PixelFormat =
  | 'I420'
  | 'NV12'
  | 'YUY2'
  | 'RGB'
  | 'RGBA'
  | 'RGBx'
  | 'BGR'
  | 'BGRA'
  | 'BGRx'
  | 'GRAY8';

/** A picture in memory. Absent `strides` and `offsets`: no padding, planes one behind the other. */
export interface PixelSource {
  readonly data: Uint8Array;
  readonly pixelFormat: PixelFormat;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Bytes from a row to the next one, per plane. */
  readonly strides?: readonly number[];
  /** Bytes from the start of `data`, per plane. */
  readonly offsets?: readonly number[];
  /** YUV and grey use 0..255 rather than 16..235; absent: only grey does. */
  readonly fullRange?: boolean;
  /** Absent: bt709 from 720 rows on, else bt601. */
  readonly matrix?: 'bt601' | 'bt709';
}

interface PrintExports {
  printPixels(
    source: PixelSource,
    rectangle: Box,
    format: PrintFormat,
    memory: Uint8Array,
    offset: number,
  ): Placement | null;
  printKernels(): string[];
  setPrintKernel(name: string): void;
}

/**
 * Prints `rectangle` of `source` at `offset` of the arena and says where in the print the picture lies.
 *
 * A printed pixel is the mean of the source over the area it covers: an area filter when shrinking, bilinear when
 * enlarging. Runs on this thread; a whole 1080p frame takes a few tenths of a millisecond.
 */
export function printPixels(
  source: PixelSource,
  rectangle: Box,
  format: PrintFormat,
  arena: Arena,
  offset: number,
): Placement {
  const { printPixels: print } = loadNative<PrintExports>();
  const placement = callNative(() => print(source, rectangle, format, arena.memory, offset));
  if (placement === null) {
    throw new AgentError('DEFECT', {
      cause: `cannot print [${rectangle.join(', ')}] as ${format.widthPx} x ${format.heightPx} ${format.dtype} at ${offset} of ${arena.bytes}`,
    });
  }
  return placement;
}

/** Names of the kernels that this processor runs; the last one is in use. */
export function printKernels(): string[] {
  return loadNative<PrintExports>().printKernels();
}

/** For tests and benches: `reference` is slow and exact. Applies to `printPixels` of this thread. */
export function setPrintKernel(name: string): void {
  callNative(() => loadNative<PrintExports>().setPrintKernel(name));
}
