// Stills: the frame in which an object was seen best, printed by its camera and kept as JPEG until the object ends.
import type { Frame } from '../contracts/frame.ts';
import { WHOLE_FRAME } from '../contracts/geometry.ts';
import type { PrintFormat, Ticket } from '../contracts/ticket.ts';
import type { Track } from '../contracts/track.ts';
import type { Clock } from '../core/clock.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Arena } from '../native/arena.ts';
import type { BestView, ObjectStills } from './analyse.ts';
import type { Printed } from './batch.ts';

/** Wider frames are shrunk to this: enough to recognise a person, small enough to send. */
const MAX_SIDE_PX = 1280;
/** Room for one interleaved RGB still of any aspect. */
export const STILL_SLOT_BYTES: number = MAX_SIDE_PX * MAX_SIDE_PX * 3;
/** A camera prints at most this often for stills; an object without any is served at once. */
const MIN_INTERVAL_MS = 500;

/** A picture of one frame, shared by all objects that were seen best in it. */
interface Picture {
  readonly frame: Frame;
  readonly jpeg: Promise<Buffer | undefined>;
}

interface Kept {
  readonly picture: Picture;
  readonly best: BestView;
  /** What the object goes back to when this picture fails; let go as soon as it is there. */
  former: Kept | undefined;
}

export interface SnapshotDeps {
  readonly arena: Arena;
  /** Offsets of `STILL_SLOT_BYTES` each. */
  readonly slots: readonly number[];
  readonly clock: Clock;
  readonly log: Log;
  readonly quality: number;
  /** Draw box, label and track id into the finished still. */
  readonly isAnnotated: boolean;
  print(camera: string, ticket: Ticket): Promise<Printed>;
}

export class SnapshotKeeper implements ObjectStills {
  private readonly deps: SnapshotDeps;
  private readonly free: number[];
  private readonly kept = new Map<string, Kept>();
  private readonly latest = new Map<string, { picture: Picture; atMs: number }>();

  constructor(deps: SnapshotDeps) {
    this.deps = deps;
    this.free = [...deps.slots];
  }

  /**
   * Takes a picture of `best.frame` for this object unless its camera printed one a moment ago.
   *
   * Costs one print and one JPEG (about 10 ms of a core at 720p); a picture of the same frame is
   * shared. Without a free slot the object keeps its former still.
   */
  improve(track: Track, best: BestView): void {
    const { camera, session, sequence } = best.frame;
    const latest = this.latest.get(camera);
    if (latest?.picture.frame.sequence === sequence && latest.picture.frame.session === session) {
      this.keep(track, latest.picture, best);
      return;
    }
    const nowMs = this.deps.clock.monotonicMs();
    const isTooSoon = latest !== undefined && nowMs - latest.atMs < MIN_INTERVAL_MS;
    if (isTooSoon && this.kept.has(track.id)) return;
    const slot = this.free.pop();
    if (slot === undefined) return;
    const picture = { frame: best.frame, jpeg: this.take(best.frame, slot) };
    this.latest.set(camera, { picture, atMs: nowMs });
    this.keep(track, picture, best);
  }

  /** Loads the encoder: 25 MB and a tenth of a second, which otherwise the first still takes. That one tells if it fails. */
  async prepare(): Promise<void> {
    await encoder().catch(() => undefined);
  }

  /** True when a still of the object exists or is being taken. */
  isPictured(track: Track): boolean {
    return this.kept.has(track.id);
  }

  /** The still of an object that ended, with the view it shows; forgets the object. */
  async finish(track: Track): Promise<{ jpeg: Buffer; best: BestView } | undefined> {
    let kept = this.kept.get(track.id);
    this.kept.delete(track.id);
    while (kept !== undefined) {
      const { former, picture, best } = kept;
      const jpeg = await picture.jpeg;
      if (jpeg !== undefined) return { jpeg: await this.annotate(jpeg, track, best), best };
      kept = former;
    }
    return undefined;
  }

  private async annotate(jpeg: Buffer, track: Track, best: BestView): Promise<Buffer> {
    if (!this.deps.isAnnotated) return jpeg;
    const caption = `${track.label} #${track.trackId} ${Math.round(best.score * 100)}%`;
    const { colourOf, drawOn } = await import('./still-drawing.ts');
    return drawOn(jpeg, [{ box: best.box, caption, colour: colourOf(track.trackId) }]);
  }

  /** The frame may be gone before it can be printed: then the object keeps what it had. */
  private keep(track: Track, picture: Picture, best: BestView): void {
    const kept: Kept = { picture, best, former: this.kept.get(track.id) };
    this.kept.set(track.id, kept);
    void picture.jpeg.then((jpeg) => {
      const { former } = kept;
      kept.former = undefined;
      if (jpeg !== undefined || this.kept.get(track.id) !== kept) return;
      if (former === undefined) this.kept.delete(track.id);
      else this.kept.set(track.id, former);
    });
  }

  /** A picture of this very frame, for a person who asks now. */
  async still(frame: Frame): Promise<Buffer | undefined> {
    const slot = this.free.pop();
    return slot === undefined ? undefined : this.take(frame, slot);
  }

  /** Prints and encodes; gives the slot back. Undefined when the frame is gone. */
  private async take(frame: Frame, slot: number): Promise<Buffer | undefined> {
    const { arena, log, print, quality } = this.deps;
    try {
      const format = stillFormat(frame);
      const ticket = { sequence: frame.sequence, rectangle: WHOLE_FRAME, format, offset: slot };
      const printed = await print(frame.camera, ticket);
      if ('refused' in printed) return undefined;
      const { widthPx: width, heightPx: height } = format;
      const sharp = await encoder();
      return await sharp(arena.view(slot, width * height * 3), {
        raw: { width, height, channels: 3 },
      })
        .jpeg({ quality })
        .toBuffer();
    } catch (error) {
      log.warn({ camera: frame.camera, cause: causeText(error) }, 'still failed');
      return undefined;
    } finally {
      this.free.push(slot);
    }
  }
}

async function encoder(): Promise<typeof import('sharp').default> {
  return (await import('sharp')).default;
}

function stillFormat(frame: Frame): PrintFormat {
  const shrink = Math.min(1, MAX_SIDE_PX / Math.max(frame.widthPx, frame.heightPx));
  return {
    widthPx: Math.max(1, Math.round(frame.widthPx * shrink)),
    heightPx: Math.max(1, Math.round(frame.heightPx * shrink)),
    layout: 'interleaved',
    order: 'rgb',
    dtype: 'uint8',
    fit: 'stretch',
    pad: 0,
    mean: [0, 0, 0],
    scale: [1, 1, 1],
  };
}
