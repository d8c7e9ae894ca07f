// Which part of a frame is inferred: where little of a large picture moves, that part at a higher resolution.
import type { Frame } from '../contracts/frame.ts';
import { type Box, clip, type Size, WHOLE_FRAME } from '../contracts/geometry.ts';
import type { FrameTracks, Track } from '../contracts/track.ts';

/** Room around what moves, in its own sides: the detector wants to see some of the surroundings, and legs beyond a moving torso. */
const MARGIN = 0.5;
/** What the model sees must grow by this factor, or the whole frame is worth more. */
const LEAST_GAIN = 1.5;
const WHOLE_MS = 1000;
/** Frame fractions per second. */
const PARKED_BELOW = 0.01;
/** Share of the region's side within which a box counts as cut. */
const EDGE = 0.01;

/**
 * The region around `boxes` in the aspect of the model's input, not enlarged beyond the frame's own pixels, or undefined
 * where the whole frame shows about as much: boxes all over the picture, a frame hardly larger than the input.
 */
export function regionAround(boxes: readonly Box[], frame: Size, input: Size): Box | undefined {
  if (boxes.length === 0) return undefined;
  const [left, top, right, bottom] = bounds(boxes);
  const wantedWidth = (right - left) * (1 + 2 * MARGIN) * frame.widthPx;
  const wantedHeight = (bottom - top) * (1 + 2 * MARGIN) * frame.heightPx;
  const scale = Math.max(1, wantedWidth / input.widthPx, wantedHeight / input.heightPx);
  const wholeScale = Math.max(frame.widthPx / input.widthPx, frame.heightPx / input.heightPx);
  if (wholeScale / scale < LEAST_GAIN) return undefined;
  const width = Math.min(1, (scale * input.widthPx) / frame.widthPx);
  const height = Math.min(1, (scale * input.heightPx) / frame.heightPx);
  const x = Math.min(1 - width, Math.max(0, (left + right - width) / 2));
  const y = Math.min(1 - height, Math.max(0, (top + bottom - height) / 2));
  return clip([x, y, width, height]);
}

function bounds(boxes: readonly Box[]): [number, number, number, number] {
  return [
    Math.min(...boxes.map(([x]) => x)),
    Math.min(...boxes.map(([, y]) => y)),
    Math.max(...boxes.map(([x, , w]) => x + w)),
    Math.max(...boxes.map(([, y, , h]) => y + h)),
  ];
}

interface Known {
  session: string;
  /** Presentation time of the last frame that was inferred as a whole. */
  wholePtsMs: number;
  /** Where tracks are that must be met again. */
  wanted: readonly Box[];
}

/**
 * Per camera, the region or the whole of the next frame. The whole one at least once a second, so that what came
 * without being told as motion is seen as soon as without regions; always where motion is not measured.
 */
export class Regions {
  private readonly input: Size;
  private readonly cameras = new Map<string, Known>();

  constructor(input: Size) {
    this.input = input;
  }

  /** Tracks in doubt and moving ones are to lie in the next region; parked ones need not. */
  attend({ frame, tracks }: FrameTracks): void {
    const known = this.cameras.get(frame.camera);
    if (known === undefined) return;
    const isWanted = ({ phase, velocity: [vx, vy] }: Track): boolean =>
      phase !== 'confirmed' || Math.hypot(vx, vy) > PARKED_BELOW;
    known.wanted = tracks.filter(isWanted).map((track) => track.box);
  }

  choose(frame: Frame): Box {
    const ptsMs = frame.ptsNs / 1e6;
    const known = this.cameras.get(frame.camera);
    const sinceMs = ptsMs - (known?.wholePtsMs ?? Number.NEGATIVE_INFINITY);
    const isDue = known?.session !== frame.session || sinceMs < 0 || sinceMs >= WHOLE_MS;
    const moving = frame.motionBoxes ?? [];
    const region =
      isDue || moving.length === 0
        ? undefined
        : regionAround([...moving, ...known.wanted], frame, this.input);
    if (region !== undefined) return region;
    const { camera, session } = frame;
    this.cameras.set(camera, { session, wholePtsMs: ptsMs, wanted: known?.wanted ?? [] });
    return WHOLE_FRAME;
  }

  remove(camera: string): void {
    this.cameras.delete(camera);
  }
}

/** A box at an inner edge of the region shows part of an object; the frame's own edges cut nothing more than before. */
export function isCut([x, y, w, h]: Box, [left, top, width, height]: Box): boolean {
  const dx = EDGE * width;
  const dy = EDGE * height;
  const right = left + width;
  const bottom = top + height;
  return (
    (left > 0 && x < left + dx) ||
    (top > 0 && y < top + dy) ||
    (right < 1 && x + w > right - dx) ||
    (bottom < 1 && y + h > bottom - dy)
  );
}
