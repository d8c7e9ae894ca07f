// Stage `publish`: gives what happened an id, a number and its wire form, and hands it to whoever listens.
import type { CameraStatus } from '../contracts/camera.ts';
import type { EventRecord } from '../contracts/event.ts';
import type { Frame } from '../contracts/frame.ts';
import type { Box } from '../contracts/geometry.ts';
import type { ModelManifest } from '../contracts/model.ts';
import type { SinkRecord, Still } from '../contracts/sink.ts';
import type { FrameTracks, Track } from '../contracts/track.ts';
import type { Clock } from '../core/clock.ts';
import type { Happening } from './analyse.ts';
import type { ClipKeeper } from './clip.ts';
import type { Metrics } from './metrics.ts';
import type { SceneHappening } from './scene.ts';
import type { SnapshotKeeper } from './snapshot.ts';

export interface PublishDeps {
  readonly device: string;
  readonly model: Pick<ModelManifest, 'name' | 'sha256'>;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly metrics: Metrics;
  /** Makes ids of events from the wall clock. */
  readonly idFor: (wallMs: number) => string;
  /** Undefined: no stills. */
  readonly snapshots: SnapshotKeeper | undefined;
  /** Undefined: no clips. */
  readonly clips?: Pick<ClipKeeper, 'cut'> | undefined;
  write(records: readonly SinkRecord[]): void;
}

export class PublishStage {
  private readonly deps: PublishDeps;
  private seq = 0;
  /** Ends wait for their still; the agent waits for them before it closes the sinks. */
  private readonly finishing = new Set<Promise<void>>();

  constructor(deps: PublishDeps) {
    this.deps = deps;
  }

  event(happening: Happening): void {
    if (happening.type !== 'object_end' || this.deps.snapshots === undefined) {
      this.send(happening, undefined);
      return;
    }
    const work = this.end(happening, this.deps.snapshots);
    this.finishing.add(work);
    void work.finally(() => this.finishing.delete(work));
  }

  /** What zones, lines and rules say; a rule that wants a still waits for it. */
  scene(happening: SceneHappening): void {
    const { snapshots } = this.deps;
    if (happening.event.data.still !== true || snapshots === undefined) {
      this.sendScene(happening, undefined);
      return;
    }
    const work = snapshots.still(happening.frame).then((jpeg) => this.sendScene(happening, jpeg));
    this.finishing.add(work);
    void work.finally(() => this.finishing.delete(work));
  }

  counts(camera: string, counts: Readonly<Record<string, number>>): void {
    this.deps.write([{ kind: 'count', camera, counts }]);
  }

  tracks(tracks: FrameTracks): void {
    this.deps.write([{ kind: 'tracks', tracks }]);
  }

  /** A change of camera state is retained as status and told as event when the picture comes or goes. */
  camera(status: CameraStatus, was: CameraStatus['state']): void {
    const records: SinkRecord[] = [{ kind: 'camera', status }];
    const isOnline = status.state === 'live';
    if (isOnline !== (was === 'live')) {
      const event = this.cameraEvent(status, isOnline ? 'camera_online' : 'camera_offline');
      records.push({ kind: 'event', event });
    }
    this.deps.write(records);
  }

  /** Resolves when every event that waits for a still is handed over. */
  async drain(): Promise<void> {
    await Promise.all(this.finishing);
  }

  private async end(happening: Happening, snapshots: SnapshotKeeper): Promise<void> {
    const shot = await snapshots.finish(happening.track);
    if (shot === undefined) {
      this.send(happening, undefined);
      return;
    }
    this.send({ ...happening, best: shot.best }, shot.jpeg);
  }

  private send(happening: Happening, jpeg: Uint8Array | undefined): void {
    const { camera, frame, track, best } = happening;
    const still: Still | undefined = jpeg && {
      camera,
      label: track.label,
      object_id: track.id,
      path: stillPath(happening),
      ts: iso(best.frame.captureMs),
      jpeg,
    };
    const latencyMs = this.deps.clock.wallMs() - frame.captureMs;
    if (happening.type !== 'object_end') this.deps.metrics.captureToPublishMs.add(latencyMs);
    const event: EventRecord = {
      ...this.envelope(camera, happening.type, iso(frame.captureMs)),
      pts_ns: frame.ptsNs,
      ...objectFields(track, frame),
      frame_size: [frame.widthPx, frame.heightPx],
      end_ts: happening.type === 'object_end' ? iso(track.lastMs) : null,
      best: {
        ts: iso(best.frame.captureMs),
        score: round(best.score),
        box: roundBox(best.box),
      },
      still: still?.path ?? null,
      zones: happening.zones,
      latency_ms: { capture_to_publish: Math.round(latencyMs) },
      data: happening.data,
    };
    const records: SinkRecord[] = still ? [{ kind: 'still', still }] : [];
    this.deps.write([...records, { kind: 'event', event }]);
  }

  private sendScene(happening: SceneHappening, jpeg: Uint8Array | undefined): void {
    const { camera, frame, event, zones } = happening;
    const { zone, line, data } = event;
    const clip = data.clip === true ? scenePath(happening, 'mp4') : undefined;
    const isCut = clip !== undefined && this.deps.clips?.cut(frame, clip) === true;
    const ts = iso(frame.captureMs);
    const still: Still | undefined = jpeg && {
      camera,
      label: event.label ?? event.type,
      object_id: event.objectId ?? '',
      path: scenePath(happening, 'jpg'),
      ts,
      jpeg,
    };
    const record: EventRecord = {
      ...this.envelope(camera, event.type, ts),
      pts_ns: frame.ptsNs,
      ...(event.track && objectFields(event.track, frame)),
      frame_size: [frame.widthPx, frame.heightPx],
      still: still?.path ?? null,
      clip: isCut ? clip : null,
      zones,
      data: { ...(zone !== undefined && { zone }), ...(line !== undefined && { line }), ...data },
    };
    const records: SinkRecord[] = still ? [{ kind: 'still', still }] : [];
    this.deps.write([...records, { kind: 'event', event: record }]);
  }

  private cameraEvent(status: CameraStatus, type: 'camera_online' | 'camera_offline'): EventRecord {
    return {
      ...this.envelope(status.camera, type, status.since),
      data: { state: status.state, last_error: status.last_error },
    };
  }

  private envelope(camera: string, type: EventRecord['event_type'], ts: string): EventRecord {
    const { name, sha256 } = this.deps.model;
    this.seq += 1;
    return {
      v: 1,
      event_type: type,
      seq: this.seq,
      id: this.deps.idFor(this.deps.clock.wallMs()),
      device: this.deps.device,
      camera,
      ts,
      pts_ns: null,
      object_id: null,
      track_id: null,
      label: null,
      score: null,
      top_score: null,
      box: null,
      box_px: null,
      frame_size: null,
      start_ts: null,
      end_ts: null,
      best: null,
      still: null,
      clip: null,
      zones: [],
      model: { name, sha256 },
      latency_ms: null,
      replayed: false,
      data: {},
    };
  }
}

function objectFields(track: Track, frame: Frame) {
  return {
    object_id: track.id,
    track_id: track.trackId,
    label: track.label,
    score: round(track.score),
    top_score: round(track.topScore),
    box: roundBox(track.box),
    box_px: toPixels(track.box, frame),
    start_ts: iso(track.firstMs),
  };
}

/** Beside the stills of objects: `front/2026-11-21/130501.250-waiting_too_long.jpg`. */
function scenePath({ camera, frame, event }: SceneHappening, extension: 'jpg' | 'mp4'): string {
  const name = String(event.data.event ?? event.type).replace(/\W+/g, '_');
  return `${stillFolder(camera, frame.captureMs)}-${name}.${extension}`;
}

/** `front/2026-11-21/130501.250-person-17.jpg`: sorted by time within a camera's day. */
function stillPath({ camera, best, track }: Happening): string {
  const label = track.label.replace(/\W+/g, '_');
  return `${stillFolder(camera, best.frame.captureMs)}-${label}-${track.trackId}.jpg`;
}

function stillFolder(camera: string, captureMs: number): string {
  const [day, time] = iso(captureMs).split('T') as [string, string];
  return `${camera}/${day}/${time.replace(/:/g, '').replace('Z', '')}`;
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

function toPixels(box: Box, frame: Frame): [number, number, number, number] {
  return [
    Math.round(box[0] * frame.widthPx),
    Math.round(box[1] * frame.heightPx),
    Math.round(box[2] * frame.widthPx),
    Math.round(box[3] * frame.heightPx),
  ];
}

function roundBox(box: Box): Box {
  return [round(box[0]), round(box[1]), round(box[2]), round(box[3])];
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
