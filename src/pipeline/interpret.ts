// What follows detection, from boxes to records: track, watch the scene, analyse, judge, publish. Replay runs the same.
import { withoutMasked } from '../analytics/filter.ts';
import { objectEvent, type SceneEvent } from '../analytics/view.ts';
import type { FrameDetections } from '../contracts/detection.ts';
import type { FrameTracks, Track, Tracker } from '../contracts/track.ts';
import { AnalyseStage, type Happening, type ObjectStills } from './analyse.ts';
import type { PublishStage } from './publish.ts';
import { SceneStage } from './scene.ts';
import { TrackStage } from './track.ts';

export interface InterpretDeps {
  readonly publish: PublishStage;
  createTracker(camera: string): Tracker;
  readonly stills: ObjectStills | undefined;
  /** Sees the tracks of each frame before anybody draws conclusions from them. */
  readonly onTracks?: (tracks: FrameTracks) => void;
}

export class Interpreter {
  readonly scene: SceneStage;
  private readonly publish: PublishStage;
  private readonly track: TrackStage;
  private readonly analyse: AnalyseStage;
  private readonly onTracks: InterpretDeps['onTracks'];
  /** What happened to objects in the frame at hand, for rules. */
  private happenings: Happening[] = [];

  constructor(deps: InterpretDeps) {
    const { publish } = deps;
    this.publish = publish;
    this.onTracks = deps.onTracks;
    this.scene = new SceneStage((happening) => publish.scene(happening));
    this.analyse = new AnalyseStage({
      happened: (happening) => this.happened(happening),
      counted: (camera, counts) => publish.counts(camera, counts),
      stills: deps.stills,
    });
    this.track = new TrackStage({
      createTracker: deps.createTracker,
      deliver: (tracks) => this.deliver(tracks),
      deliverEnded: (camera, ended) => this.ended(camera, ended),
    });
  }

  push(result: FrameDetections): void {
    const { masks } = this.scene.planOf(result.frame.camera);
    this.track.push(
      masks.length === 0
        ? result
        : { ...result, detections: withoutMasked(result.detections, masks) },
    );
  }

  /** Ends the tracks of a camera. */
  finish(camera: string): void {
    this.track.finish(camera);
  }

  finishAll(): void {
    this.track.finishAll();
  }

  private deliver(tracks: FrameTracks): void {
    const { camera } = tracks.frame;
    this.onTracks?.(tracks);
    this.happenings = [];
    const events = this.scene.observe(tracks);
    this.analyse.push(tracks);
    this.scene.judge(camera, [...events, ...this.objectEvents(camera)]);
    this.publish.tracks(tracks);
  }

  private ended(camera: string, ended: readonly Track[]): void {
    this.happenings = [];
    const events = this.scene.end(camera);
    this.analyse.end(camera, ended);
    this.scene.judge(camera, [...events, ...this.objectEvents(camera)]);
  }

  private happened(happening: Happening): void {
    const zones = this.scene.zonesOf(happening.camera, happening.track.id);
    const told = { ...happening, zones };
    this.happenings.push(told);
    this.publish.event(told);
  }

  private objectEvents(camera: string): SceneEvent[] {
    const timeMs = this.scene.timeMs(camera);
    return this.happenings.map(({ type, track, data }) =>
      objectEvent(type, timeMs, track, {}, data),
    );
  }
}
