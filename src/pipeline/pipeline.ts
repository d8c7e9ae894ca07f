// The stages joined: a frame notice goes in at the top, records for the sinks come out at the bottom.
import type { CameraStatus } from '../contracts/camera.ts';
import type { FrameDetections } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';
import { type Box, WHOLE_FRAME } from '../contracts/geometry.ts';
import type { SinkRecord } from '../contracts/sink.ts';
import type { Ticket } from '../contracts/ticket.ts';
import type { FrameTracks, Tracker } from '../contracts/track.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { ulid } from '../core/ulid.ts';
import type { InferenceEngine } from '../infer/engine.ts';
import type { EmbeddingHead } from '../infer/heads/head.ts';
import { AppearanceStage } from './appearance.ts';
import { attentionTo } from './attention.ts';
import { Batcher, type Printed, type PrintJob } from './batch.ts';
import type { ClipKeeper } from './clip.ts';
import type { CameraSample } from './explain.ts';
import { type DetectionFilter, InferStage } from './infer.ts';
import { Interpreter } from './interpret.ts';
import { NO_SKIPS, type Wish } from './lane.ts';
import type { Metrics } from './metrics.ts';
import { PublishStage } from './publish.ts';
import { Regions } from './region.ts';
import type { SceneStage } from './scene.ts';
import { Scheduler } from './scheduler.ts';
import type { SnapshotKeeper } from './snapshot.ts';

export interface CameraSettings extends DetectionFilter, Wish {
  /** Where little of a large picture moves, that part alone is inferred. */
  readonly hasRegions: boolean;
}

export interface PipelineDeps {
  readonly device: string;
  readonly engine: InferenceEngine;
  /** Describes detections from `minScore` on; undefined: nobody does. */
  readonly appearance?:
    | { readonly engine: InferenceEngine<EmbeddingHead>; readonly minScore: number }
    | undefined;
  readonly snapshots: SnapshotKeeper | undefined;
  /** Undefined: no clips. */
  readonly clips?: ClipKeeper | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly maxQueueDelayMs: number;
  readonly preferredBatchSizes: readonly number[];
  createTracker(camera: string): Tracker;
  print(camera: string, ticket: Ticket): Promise<Printed>;
  order(camera: string, ticket: Ticket): PrintJob;
  /** Others than before: those at whole intervals of its rate from this presentation time on. */
  wantFramesAt(camera: string, ptsMs: number): void;
  write(records: readonly SinkRecord[]): void;
  /** Sees what the model found in each analysed frame, before it is tracked. */
  readonly onDetections?: ((result: FrameDetections) => void) | undefined;
}

export class Pipeline {
  private readonly deps: PipelineDeps;
  private readonly cameras = new Map<string, CameraSettings>();
  private readonly paused = new Set<string>();
  private readonly scheduler: Scheduler;
  private readonly regions: Regions;
  private readonly batch: Batcher;
  private readonly infer: InferStage;
  private readonly interpreter: Interpreter;
  private readonly publish: PublishStage;
  private completedRuns = 0;

  constructor(deps: PipelineDeps) {
    this.deps = deps;
    const { engine, clock, log, metrics, snapshots } = deps;
    this.scheduler = new Scheduler((camera, ptsMs) => deps.wantFramesAt(camera, ptsMs));
    this.regions = new Regions(engine.format);
    this.publish = new PublishStage({
      ...deps,
      model: engine.manifest,
      idFor: (wallMs) => ulid(wallMs),
    });
    this.interpreter = new Interpreter({
      publish: this.publish,
      createTracker: deps.createTracker,
      stills: snapshots,
      onTracks: (tracks) => this.attend(tracks),
    });
    const print: PipelineDeps['print'] = (camera, ticket) => this.print(camera, ticket);
    const appearance = deps.appearance && new AppearanceStage({ ...deps.appearance, log, print });
    this.infer = new InferStage({
      engine,
      clock,
      log,
      metrics,
      filterOf: (camera) => this.cameras.get(camera) ?? NOTHING,
      describe: appearance && ((frame, found) => appearance.describe(frame, found)),
      deliver: (result) => {
        const startMs = clock.monotonicMs();
        if (this.cameras.has(result.frame.camera)) {
          deps.onDetections?.(result);
          this.interpreter.push(result);
        }
        metrics.analyseMs.add(clock.monotonicMs() - startMs);
      },
    });
    this.batch = new Batcher({
      clock,
      sets: engine.sets,
      format: engine.format,
      maxQueueDelayMs: deps.maxQueueDelayMs,
      preferredSizes: deps.preferredBatchSizes,
      cameras: () => this.cameras.size,
      startByMs: (frame) => this.startByMs(frame),
      take: (nowMs) => this.take(nowMs),
      rectangleOf: (frame) => this.rectangleOf(frame),
      order: deps.order,
      run: (set, entries) => this.infer.run(set, entries).finally(() => this.completed()),
    });
  }

  /** Zones, lines and rules; they may be exchanged at any time. */
  get scene(): SceneStage {
    return this.interpreter.scene;
  }

  /** Adds a camera or changes what is wanted of it; takes effect with its next frame. */
  setCamera(camera: string, settings: CameraSettings): void {
    this.cameras.set(camera, settings);
    this.deps.metrics.camera(camera).skippedFrames = this.scheduler.setCamera(camera, settings);
  }

  removeCamera(camera: string): void {
    this.sessionEnded(camera);
    this.cameras.delete(camera);
    this.paused.delete(camera);
    this.scheduler.removeCamera(camera);
    this.regions.remove(camera);
    this.deps.metrics.remove(camera);
  }

  /** A paused camera is decoded and not analysed; its tracks end. */
  setPaused(camera: string, isPaused: boolean): void {
    if (!isPaused) this.paused.delete(camera);
    else {
      this.paused.add(camera);
      this.sessionEnded(camera);
    }
  }

  /** A camera decoded a frame. False when it will not be analysed. */
  frame(frame: Frame): boolean {
    this.deps.metrics.camera(frame.camera).decodedFrames += 1 + (frame.untold ?? 0);
    if (this.paused.has(frame.camera)) return false;
    const isWanted = this.scheduler.offer(frame);
    if (isWanted) this.batch.pump();
    return isWanted;
  }

  /** The camera's process is gone: its waiting frame is dropped and its tracks end. */
  sessionEnded(camera: string): void {
    this.scheduler.reset(camera);
    this.interpreter.finish(camera);
  }

  camera(status: CameraStatus, was: CameraStatus['state']): void {
    this.publish.camera(status, was);
  }

  /** The counters of a camera at this moment; the time of its processes is the caller's to add. */
  sample(camera: string): Omit<CameraSample, 'processCpuMs' | 'recordCpuMs'> {
    const { clock, metrics } = this.deps;
    const own = metrics.camera(camera);
    const all = [...metrics.cameras.values()];
    return {
      atMs: clock.monotonicMs(),
      decoded: own.decodedFrames,
      inferred: own.inferredFrames,
      printedBytes: own.printedBytes,
      refusedPrints: own.refusedPrints,
      skipped: this.scheduler.counts(camera)?.skipped ?? NO_SKIPS,
      allInferred: all.reduce((sum, { inferredFrames }) => sum + inferredFrames, 0),
      sessionBusyMs: metrics.inferMs.count * metrics.inferMs.meanMs,
    };
  }

  /** What is wanted of a camera; undefined when it is not known. */
  wanted(camera: string): { readonly fps: number; readonly isPaused: boolean } | undefined {
    const settings = this.cameras.get(camera);
    return settings && { fps: settings.fps, isPaused: this.paused.has(camera) };
  }

  /** True while runs complete or none is wanted; the service's watchdog asks this. */
  progress(): { completedRuns: number; waiting: number } {
    return { completedRuns: this.completedRuns, waiting: this.scheduler.waiting };
  }

  /** Infers what is under way, ends all tracks and hands their events over. */
  async stop(): Promise<void> {
    this.batch.stop();
    await this.batch.drain();
    await this.infer.drain();
    this.interpreter.finishAll();
    await this.publish.drain();
  }

  private take(nowMs: number): Frame | undefined {
    const frame = this.scheduler.take(nowMs);
    if (frame !== undefined) this.infer.enter(frame);
    return frame;
  }

  /** A result is late when the camera's next frame is wanted before it is there. */
  private startByMs(frame: Frame): number {
    const { clock } = this.deps;
    const { fps } = this.cameras.get(frame.camera) ?? { fps: 1 };
    return capturedMs(frame, clock) + 1000 / fps - this.infer.expectedMs;
  }

  private attend(tracks: FrameTracks): void {
    const { camera } = tracks.frame;
    const settings = this.cameras.get(camera);
    if (settings === undefined) return;
    this.scheduler.attend(camera, attentionTo(tracks, settings.fps));
    if (settings.hasRegions) this.regions.attend(tracks);
  }

  private rectangleOf(frame: Frame): Box {
    const hasRegions = this.cameras.get(frame.camera)?.hasRegions ?? false;
    return hasRegions ? this.regions.choose(frame) : WHOLE_FRAME;
  }

  private async print(camera: string, ticket: Ticket): Promise<Printed> {
    const printed = await this.deps.print(camera, ticket);
    if (!('refused' in printed)) this.deps.metrics.printed(camera, printed);
    return printed;
  }

  private completed(): void {
    this.completedRuns += 1;
  }
}

/** Monotonic; a camera's own clock is not compared with ours, and nothing is believed to be older than a second. */
function capturedMs(frame: Frame, clock: Clock): number {
  const underWayMs = clock.wallMs() - frame.captureMs - (clock.monotonicMs() - frame.arrivedMs);
  const isKnown = frame.captureClock === 'host' && underWayMs > 0 && underWayMs < 1000;
  return frame.arrivedMs - (isKnown ? underWayMs : 0);
}

const NOTHING: DetectionFilter = { minScore: 1, labels: new Set() };
