// Stage `analyse`: from tracks to what happened: an object is new, changed, gone.
import type { EventType } from '../contracts/event.ts';
import type { Frame } from '../contracts/frame.ts';
import { area, type Box } from '../contracts/geometry.ts';
import type { FrameTracks, Track } from '../contracts/track.ts';

/** The frame in which an object was seen best. */
export interface BestView {
  readonly frame: Frame;
  readonly box: Box;
  readonly score: number;
  readonly quality: number;
}

/** Something that happened; `publish` gives it an id, a number and its wire form. */
export interface Happening {
  readonly type: EventType;
  readonly camera: string;
  readonly frame: Frame;
  readonly track: Track;
  readonly best: BestView;
  readonly zones: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;
}

export interface AnalyseDeps {
  happened(happening: Happening): void;
  /** Confirmed objects in view changed; labels that were seen once stay with 0. */
  counted(camera: string, counts: Readonly<Record<string, number>>): void;
  /** Undefined: no stills are kept. */
  readonly stills: ObjectStills | undefined;
}

/** Who keeps a picture of each object's best view. */
export interface ObjectStills {
  /** The object is seen better than ever before, or has no still yet: now is the moment for one. */
  improve(track: Track, best: BestView): void;
  /** False while no still of the object exists or is being taken: any view is better than none. */
  isPictured(track: Track): boolean;
}

interface Known {
  /** As it was last detected; what a lost track predicts is told to nobody. */
  last: Track;
  best: BestView;
  announcedMs: number;
  announcedLabel: string;
  announcedQuality: number;
}

/** Objects in view are announced again at this pace, so that a consumer that joins late sees them. */
const HEARTBEAT_MS = 10_000;
/** Better views are announced at most this often per object. */
const UPDATE_MS = 1000;
/** A view must be better by this factor to count as an improvement. */
const IMPROVEMENT = 1.1;

const NO_COUNTS: ReadonlyMap<string, number> = new Map();

export class AnalyseStage {
  private readonly deps: AnalyseDeps;
  private readonly cameras = new Map<string, Map<string, Known>>();
  private readonly counts = new Map<string, ReadonlyMap<string, number>>();
  private readonly lastFrames = new Map<string, Frame>();

  constructor(deps: AnalyseDeps) {
    this.deps = deps;
  }

  push({ frame, tracks, ended }: FrameTracks): void {
    this.lastFrames.set(frame.camera, frame);
    const known = this.knownOf(frame.camera);
    for (const track of tracks) {
      if (track.phase === 'confirmed') this.see(known, frame, track);
    }
    for (const track of ended) this.leave(known, frame, track);
    this.count(frame.camera, tracks, known);
  }

  /** The camera's session is over: what it still showed has ended. */
  end(camera: string, ended: readonly Track[]): void {
    const frame = this.lastFrames.get(camera);
    if (frame === undefined) return;
    const known = this.knownOf(camera);
    for (const track of ended) this.leave(known, frame, track);
    this.count(camera, [], known);
    this.cameras.delete(camera);
  }

  private see(known: Map<string, Known>, frame: Frame, track: Track): void {
    const view = viewOf(frame, track);
    const before = known.get(track.id);
    if (before === undefined) {
      known.set(track.id, {
        last: track,
        best: view,
        announcedMs: frame.arrivedMs,
        announcedLabel: track.label,
        announcedQuality: view.quality,
      });
      this.deps.stills?.improve(track, view);
      this.tell('object_new', frame, track, view);
      return;
    }
    before.last = track;
    const isBetter = view.quality > before.best.quality * IMPROVEMENT;
    if (isBetter) before.best = view;
    const { stills } = this.deps;
    if (stills && (isBetter || !stills.isPictured(track))) stills.improve(track, view);
    if (!isUpdateDue(before, frame, track)) return;
    before.announcedMs = frame.arrivedMs;
    before.announcedLabel = track.label;
    before.announcedQuality = before.best.quality;
    this.tell('object_update', frame, track, before.best);
  }

  private leave(known: Map<string, Known>, frame: Frame, track: Track): void {
    const before = known.get(track.id);
    if (before === undefined) return;
    known.delete(track.id);
    const { box, score } = before.last;
    this.tell('object_end', frame, { ...track, box, score }, before.best);
  }

  private tell(type: EventType, frame: Frame, track: Track, best: BestView): void {
    this.deps.happened({ type, camera: frame.camera, frame, track, best, zones: [], data: {} });
  }

  /** An object that is lost for a moment still counts; it stops to count when it ends. */
  private count(camera: string, tracks: readonly Track[], known: Map<string, Known>): void {
    const counts = this.counts.get(camera) ?? NO_COUNTS;
    const now = new Map<string, number>();
    for (const label of counts.keys()) now.set(label, 0);
    for (const track of tracks) {
      if (known.has(track.id)) now.set(track.label, (now.get(track.label) ?? 0) + 1);
    }
    if (isSame(now, counts)) return;
    this.counts.set(camera, now);
    this.deps.counted(camera, Object.fromEntries(now));
  }

  private knownOf(camera: string): Map<string, Known> {
    let known = this.cameras.get(camera);
    if (known === undefined) {
      known = new Map();
      this.cameras.set(camera, known);
    }
    return known;
  }
}

function isSame(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  if (a.size !== b.size) return false;
  for (const [label, count] of a) if (b.get(label) !== count) return false;
  return true;
}

function isUpdateDue(before: Known, frame: Frame, track: Track): boolean {
  const sinceMs = frame.arrivedMs - before.announcedMs;
  if (track.label !== before.announcedLabel) return true;
  if (sinceMs >= HEARTBEAT_MS) return true;
  return sinceMs >= UPDATE_MS && before.best.quality > before.announcedQuality * IMPROVEMENT;
}

/** Larger, surer and wholly inside the picture is better; the square root keeps size from ruling alone. */
function viewOf(frame: Frame, track: Track): BestView {
  const [x, y, w, h] = track.box;
  const margin = 0.005;
  const isCut = x < margin || y < margin || x + w > 1 - margin || y + h > 1 - margin;
  const quality = track.score * Math.sqrt(area(track.box)) * (isCut ? 0.5 : 1);
  return { frame, box: track.box, score: track.score, quality };
}
