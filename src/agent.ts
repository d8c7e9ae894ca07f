// The composition root: builds the services of the daemon in order and joins them; they stop in reverse.
import { join } from 'node:path';
import type { ChangePlan } from './config/diff.ts';
import type { CameraConfig, Config } from './config/schema/config.ts';
import type { CameraStatus } from './contracts/camera.ts';
import type { FrameDetections } from './contracts/detection.ts';
import type { Choice, DecoderChoice } from './contracts/hardware.ts';
import type { ModelManifest } from './contracts/model.ts';
import type { SinkHealth, SinkRecord } from './contracts/sink.ts';
import { type Clock, sleep, type Timer } from './core/clock.ts';
import { AgentError } from './core/errors.ts';
import { Lifecycle, type Service } from './core/lifecycle.ts';
import type { Log } from './core/log.ts';
import { ulid } from './core/ulid.ts';
import { findHardwareDecoders } from './hw/hardware-decoders.ts';
import { cpuMs } from './hw/process-usage.ts';
import { isLayout } from './infer/layout.ts';
import { MeasurementFile } from './infer/measurement-file.ts';
import type { AppearanceModel } from './infer/open-embedding.ts';
import { type OpenedModels, openModels } from './infer/open-models.ts';
import { findRuntimeLibrary } from './native/runtime-library.ts';
import type { Admission } from './pipeline/admission.ts';
import { AdmissionControl } from './pipeline/admission-control.ts';
import { cameraSettings } from './pipeline/camera-plan.ts';
import { CameraStreams } from './pipeline/camera-streams.ts';
import type { CameraSet } from './pipeline/cameras.ts';
import { CounterFile } from './pipeline/counter-file.ts';
import { type CameraExplanation, explainCamera } from './pipeline/explain.ts';
import { Metrics } from './pipeline/metrics.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { scenesOf, wantsClips } from './pipeline/scene-plan.ts';
import { SnapshotKeeper, STILL_SLOT_BYTES } from './pipeline/snapshot.ts';
import { createTracker } from './track/create-tracker.ts';
import { type TrackingConfig, trackingFor } from './track/tracking-config.ts';

export interface AgentOptions {
  readonly config: Config;
  readonly manifest: ModelManifest;
  /** Describes what the model found; absent: nobody does. */
  readonly appearance?: AppearanceModel | undefined;
  /** Where everything that happens goes; started and stopped by the agent. */
  readonly sinks: SinkGroup;
  /** Value of VEDETTE_ORT. */
  readonly runtimeLibrary?: string | undefined;
  /** All that camera processes see of the environment. */
  readonly cameraEnvironment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Sees what the model found in each analysed frame, before it is tracked. */
  readonly onDetections?: (result: FrameDetections) => void;
}

/** Several sinks that do not delay each other. */
export interface SinkGroup extends Service {
  write(records: readonly SinkRecord[]): void;
  health(): Readonly<Record<string, SinkHealth>>;
}

/** What `health` on MQTT and the command line show. */
export interface AgentHealth {
  readonly cameras: readonly CameraStatus[];
  readonly sinks: Readonly<Record<string, SinkHealth>>;
  readonly provider: string;
  readonly provider_choices: readonly Choice[];
  /** Hardware decoders that were tried; none where the machine has no device for one. */
  readonly decoder_choices: readonly DecoderChoice[];
  /** What cameras get of what they ask for; null where the machine was never measured. */
  readonly admission: Admission | null;
  readonly metrics: Record<string, unknown>;
}

export type CameraSwitch = 'enabled' | 'detect';

/** Per service; a camera that hangs needs 2.5 s of it for its kill ladder. */
const STOP_LIMIT_MS = 4000;
/** Long enough for a rate of a few frames per second. */
const EXPLAIN_MS = 2000;
const COUNTERS_KEPT_MS = 60_000;
/** Stills that can be printed at the same time. */
const STILL_SLOTS = 2;

export class Agent {
  readonly metrics: Metrics = new Metrics();
  private readonly options: AgentOptions;
  private readonly lifecycle: Lifecycle;
  /** With the rates that the machine carries. */
  private config: Config;
  private readonly admission: AdmissionControl;
  private models!: OpenedModels;
  private pipeline!: Pipeline;
  private streams!: CameraStreams;
  private decoders: readonly DecoderChoice[] = [];
  private snapshots: SnapshotKeeper | undefined;

  constructor(options: AgentOptions) {
    this.options = options;
    this.config = options.config;
    this.admission = new AdmissionControl(options.log);
    this.lifecycle = new Lifecycle(this.services(), options.log);
  }

  /** Resolves when every camera process is started; cameras come live in their own time. */
  start(): Promise<void> {
    return this.lifecycle.start();
  }

  /** Stops cameras, infers what is under way, ends all tracks, delivers, closes. */
  stop(): Promise<void> {
    return this.lifecycle.stop(STOP_LIMIT_MS);
  }

  /**
   * Applies a changed configuration; cameras that it does not change lose no frame. Rejects with COMMAND_REFUSED, and
   * changes nothing, when there is no room for a camera that was not refused before.
   */
  async apply(plan: ChangePlan, wanted: Config): Promise<void> {
    const config = this.admission.settle(wanted, false);
    this.config = config;
    this.options.log.level = config.log.level;
    this.pipeline.scene.setScenes(scenesOf(config));
    for (const camera of plan.cameras.removed) {
      await this.streams.remove(camera);
      this.pipeline.removeCamera(camera);
    }
    this.streams.clips.setSettings(config.storage.clips);
    for (const camera of Object.keys(config.cameras)) await this.applyCamera(camera);
  }

  /** `enabled` starts and stops a camera, `detect` pauses its analysis; both until the next change of configuration. */
  async switch(camera: string, key: CameraSwitch, isOn: boolean): Promise<void> {
    const settings = this.config.cameras[camera];
    if (settings === undefined) {
      throw new AgentError('COMMAND_REFUSED', { cause: `there is no camera ${camera}` });
    }
    if (key === 'detect') this.pipeline.setPaused(camera, !isOn);
    else await this.applyStreams(camera, { ...settings, enabled: isOn });
  }

  health(): AgentHealth {
    return {
      cameras: this.cameraStatuses(),
      sinks: this.options.sinks.health(),
      provider: this.models.engine.provider,
      provider_choices: this.models.choices,
      decoder_choices: this.decoders,
      admission: this.admission.verdict,
      metrics: this.metrics.snapshot(),
    };
  }

  /** A JPEG of the camera's newest frame; undefined when it has none or cannot print it. */
  async snapshot(camera: string): Promise<Uint8Array | undefined> {
    const frame = this.streams.newest(camera);
    return frame && this.snapshots?.still(frame);
  }

  /** How a camera does and what holds it back, from two looks a moment apart. */
  async explain(camera: string): Promise<CameraExplanation> {
    const wanted = this.pipeline.wanted(camera);
    const known = this.streams.status(camera);
    if (wanted === undefined || known === undefined) {
      throw new AgentError('COMMAND_REFUSED', { cause: `there is no camera ${camera}` });
    }
    const look = () => {
      const { decoded, recorded } = this.streams.pids(camera);
      const cpu = { processCpuMs: cpuOf(decoded), recordCpuMs: cpuOf(recorded) };
      return { ...this.pipeline.sample(camera), ...cpu };
    };
    const before = look();
    await sleep(this.options.clock, EXPLAIN_MS);
    const { engine, layout } = this.models;
    return explainCamera(before, look(), {
      status: this.streams.status(camera) ?? known,
      wantedFps: wanted.fps,
      isPaused: wanted.isPaused,
      model: engine.manifest.name,
      provider: engine.provider,
      sessions: layout.sessions,
      batch: layout.batch,
    });
  }

  /** Proof of life for the service's watchdog: runs complete, or nothing waits to be inferred. */
  progress(): { completedRuns: number; waiting: number } {
    return this.pipeline.progress();
  }

  cameraStatuses(): CameraStatus[] {
    return this.streams.statuses();
  }

  /** True when every camera played a file that is over. */
  areAllEnded(): boolean {
    return this.streams.statuses().every((status) => status.state === 'ended');
  }

  private services(): Service[] {
    const { sinks, log } = this.options;
    return [
      sinks,
      {
        name: 'engine',
        start: async () => {
          await Promise.all([this.openModels(), this.tryDecoders()]);
        },
        stop: () => this.models.close(),
      },
      this.pipelineService(),
      {
        name: 'cameras',
        start: async () => {
          this.admission.read(this.config.storage.path, this.models.fingerprint);
          this.config = this.admission.settle(this.config, true);
          for (const camera of Object.keys(this.config.cameras)) await this.applyCamera(camera);
          log.info({ cameras: this.streams.cameras.ids }, 'cameras started');
          // While their processes start there is time.
          if (this.config.storage.stills.enabled) void this.snapshots?.prepare();
        },
        stop: () => this.streams.stop(),
      },
    ];
  }

  /** Totals of zones and lines are kept over restarts; a crash costs at most the last minute. */
  private pipelineService(): Service {
    const { clock, log } = this.options;
    const file = new CounterFile(join(this.config.storage.path, 'counters.json'), log);
    const save = () => file.write(this.pipeline.scene.counters());
    let timer: Timer | undefined;
    return {
      name: 'pipeline',
      start: async () => {
        this.joinStages();
        this.pipeline.scene.setScenes(scenesOf(this.config));
        this.pipeline.scene.restore(file.read());
        timer = clock.every(COUNTERS_KEPT_MS, save);
      },
      stop: async () => {
        await this.pipeline.stop();
        await this.streams.clips.drain();
        timer?.cancel();
        save();
      },
    };
  }

  private async openModels(): Promise<void> {
    const { manifest, appearance, runtimeLibrary, log } = this.options;
    const { runtime, storage } = this.config;
    this.models = await openModels({
      ...{ manifest, appearance, settings: runtime, log },
      library: findRuntimeLibrary(runtime.library, runtimeLibrary).path,
      extraBytes: STILL_SLOTS * STILL_SLOT_BYTES,
      layouts: new MeasurementFile(join(storage.path, 'layouts.json'), log, isLayout),
    });
  }

  /** Once per run of the agent, while the model is opened. */
  private async tryDecoders(): Promise<void> {
    this.decoders = await findHardwareDecoders();
    for (const { name: decoder, codec, usable, reason } of this.decoders) {
      const fields = { stage: 'decode', decoder, codec, reason };
      this.options.log.info(fields, usable ? 'hardware decoder works' : 'hardware decoder refused');
    }
  }

  private joinStages(): void {
    const { cameraEnvironment: environment, clock, log, sinks } = this.options;
    const { engine, describing, arena } = this.models;
    const { stills, clips } = this.config.storage;
    const framesUnderWay = engine.sets.reduce((sum, set) => sum + set.capacity, 0);
    this.streams = new CameraStreams({
      ...{ arena, clips, environment, clock, log },
      limits: { arenaBytes: arena.bytes, framesUnderWay, decoders: this.decoders },
      onFrame: (frame) => this.pipeline.frame(frame),
      onStatus: (status, was) => this.pipeline.camera(status, was),
      onSessionEnd: (camera) => this.pipeline.sessionEnded(camera),
      deliver: (clip) => sinks.write([{ kind: 'clip', clip }]),
    });
    const { cameras } = this.streams;
    const print: CameraSet['print'] = (camera, ticket) => cameras.print(camera, ticket);
    const slots = Array.from({ length: STILL_SLOTS }, () => arena.reserve(STILL_SLOT_BYTES));
    const { quality, annotate: isAnnotated } = stills;
    this.snapshots = new SnapshotKeeper({ arena, slots, clock, log, quality, isAnnotated, print });
    this.pipeline = new Pipeline({
      device: this.config.device.name,
      engine,
      appearance: describing && { engine: describing, minScore: this.tracking().high_score },
      snapshots: stills.enabled ? this.snapshots : undefined,
      clips: this.streams.clips,
      clock,
      log,
      metrics: this.metrics,
      maxQueueDelayMs: this.config.runtime.batch.max_queue_delay_us / 1000,
      preferredBatchSizes: this.config.runtime.batch.preferred_batch_size,
      createTracker: () =>
        createTracker(this.tracking(), { idFor: (captureMs) => ulid(captureMs) }),
      print,
      order: (camera, ticket) => cameras.order(camera, ticket),
      write: (records: readonly SinkRecord[]) => sinks.write(records),
      onDetections: this.options.onDetections,
    });
  }

  private async applyCamera(camera: string): Promise<void> {
    const settings = this.config.cameras[camera];
    if (settings === undefined) return;
    const minScore = Math.max(this.options.manifest.minScore, this.tracking().low_score);
    this.pipeline.setCamera(camera, cameraSettings(settings, minScore));
    await this.applyStreams(camera, settings);
  }

  private applyStreams(camera: string, settings: CameraConfig): Promise<void> {
    return this.streams.apply(camera, settings, wantsClips(this.config, camera));
  }

  private tracking(): TrackingConfig {
    return trackingFor(this.options.manifest.tracking, this.config.tracking);
  }
}

function cpuOf(pid: number | undefined): number {
  return pid === undefined ? 0 : cpuMs(pid);
}
