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
import { Lifecycle, type Service, type StartOrder } from './core/lifecycle.ts';
import type { Log } from './core/log.ts';
import { findHardwareDecoders } from './hw/hardware-decoders.ts';
import { cpuMs } from './hw/process-usage.ts';
import { isLayout } from './infer/layout.ts';
import { MeasurementFile } from './infer/measurement-file.ts';
import type { AppearanceModel } from './infer/open-embedding.ts';
import {
  type ModelsOptions,
  modelsRoom,
  type OpenedModels,
  openModels,
} from './infer/open-models.ts';
import { Arena } from './native/arena.ts';
import { findRuntimeLibrary } from './native/runtime-library.ts';
import { keepLittle } from './native/sandbox.ts';
import type { Admission } from './pipeline/admission.ts';
import { AdmissionControl } from './pipeline/admission-control.ts';
import { cameraSettings, isLive } from './pipeline/camera-plan.ts';
import { CameraStreams } from './pipeline/camera-streams.ts';
import { CounterFile } from './pipeline/counter-file.ts';
import { createPipeline, STILL_BYTES } from './pipeline/create-pipeline.ts';
import { type CameraExplanation, explainCamera } from './pipeline/explain.ts';
import { Metrics } from './pipeline/metrics.ts';
import type { Pipeline } from './pipeline/pipeline.ts';
import { scenesOf, wantsClips } from './pipeline/scene-plan.ts';
import type { SnapshotKeeper } from './pipeline/snapshot.ts';
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
/** Longer than a camera process takes to load, unless GStreamer lists its plugins anew. */
const CAMERAS_FIRST_MS = 1000;

export class Agent {
  readonly metrics: Metrics = new Metrics();
  private readonly options: AgentOptions;
  private readonly lifecycle: Lifecycle;
  /** With the rates that the machine carries. */
  private config: Config;
  private readonly admission: AdmissionControl;
  private arena!: Arena;
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
    keepLittle();
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
    for (const camera of Object.keys(config.cameras)) {
      this.setCamera(camera);
      await this.applyStreams(camera);
    }
  }

  /** `enabled` starts and stops a camera, `detect` pauses its analysis; both until the next change of configuration. */
  async switch(camera: string, key: CameraSwitch, isOn: boolean): Promise<void> {
    if (this.config.cameras[camera] === undefined) {
      throw new AgentError('COMMAND_REFUSED', { cause: `there is no camera ${camera}` });
    }
    if (key === 'detect') this.pipeline.setPaused(camera, !isOn);
    else await this.applyStreams(camera, { enabled: isOn });
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

  private services(): StartOrder {
    const { sinks, log } = this.options;
    return [
      this.streamService(),
      [
        sinks,
        {
          name: 'engine',
          start: async () => {
            this.models = await openModels(this.modelsOptions(), this.arena);
          },
          stop: () => this.models.close(),
        },
      ],
      this.pipelineService(),
      {
        name: 'cameras',
        start: async () => {
          this.admission.read(this.config.storage.path, this.models.fingerprint);
          this.config = this.admission.settle(this.config, true);
          const cameras = Object.keys(this.config.cameras);
          for (const camera of cameras) this.setCamera(camera);
          this.joinStreams();
          for (const camera of cameras) await this.applyStreams(camera);
          log.info({ cameras: this.streams.cameras.ids }, 'cameras started');
          // While their processes start there is time.
          if (this.config.storage.stills.enabled) void this.snapshots?.prepare();
        },
        stop: () => this.streams.stop(),
      },
    ];
  }

  /**
   * Cameras that do not wait for anybody connect, and wait for a key frame, while the model is opened: not before the first of
   * their processes is loaded, which then has the cores.
   */
  private streamService(): Service {
    return {
      name: 'streams',
      start: async () => {
        const room = modelsRoom(this.modelsOptions());
        this.arena = Arena.create(room.arenaBytes);
        await this.tryDecoders();
        const { cameraEnvironment: environment, clock, log, sinks } = this.options;
        const { bytes: arenaBytes } = this.arena;
        this.streams = new CameraStreams({
          ...{ arena: this.arena, environment, clock, log },
          clips: this.config.storage.clips,
          limits: { arenaBytes, framesUnderWay: room.framesUnderWay, decoders: this.decoders },
          deliver: (clip) => sinks.write([{ kind: 'clip', clip }]),
        });
        for (const [camera, settings] of Object.entries(this.config.cameras)) {
          if (isLive(settings)) await this.applyStreams(camera);
        }
        await Promise.race([this.streams.cameras.firstLoaded(), sleep(clock, CAMERAS_FIRST_MS)]);
      },
      stop: async () => {
        await this.streams.stop();
        this.arena.close();
      },
    };
  }

  /** Totals of zones and lines are kept over restarts; a crash costs at most the last minute. */
  private pipelineService(): Service {
    const { clock, log, sinks, onDetections } = this.options;
    const file = new CounterFile(join(this.config.storage.path, 'counters.json'), log);
    const save = () => file.write(this.pipeline.scene.counters());
    let timer: Timer | undefined;
    return {
      name: 'pipeline',
      start: async () => {
        const { metrics, models, streams, config } = this;
        const write: SinkGroup['write'] = (records) => sinks.write(records);
        const tracking = () => this.tracking();
        const parts = {
          config,
          models,
          streams,
          tracking,
          metrics,
          clock,
          log,
          write,
          onDetections,
        };
        ({ pipeline: this.pipeline, snapshots: this.snapshots } = createPipeline(parts));
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

  private modelsOptions(): ModelsOptions {
    const { manifest, appearance, runtimeLibrary, log } = this.options;
    const { runtime, storage } = this.config;
    return {
      ...{ manifest, appearance, settings: runtime, log },
      library: findRuntimeLibrary(runtime.library, runtimeLibrary).path,
      extraBytes: STILL_BYTES,
      layouts: new MeasurementFile(join(storage.path, 'layouts.json'), log, isLayout),
    };
  }

  /** Once per run of the agent. */
  private async tryDecoders(): Promise<void> {
    this.decoders = await findHardwareDecoders();
    for (const { name: decoder, codec, usable, reason } of this.decoders) {
      const fields = { stage: 'decode', decoder, codec, reason };
      this.options.log.info(fields, usable ? 'hardware decoder works' : 'hardware decoder refused');
    }
  }

  private joinStreams(): void {
    this.streams.join({
      frame: (frame) => this.pipeline.frame(frame),
      status: (status, was) => this.pipeline.camera(status, was),
      sessionEnd: (camera) => this.pipeline.sessionEnded(camera),
    });
  }

  private setCamera(camera: string): void {
    const settings = this.config.cameras[camera];
    if (settings === undefined) return;
    const minScore = Math.max(this.options.manifest.minScore, this.tracking().low_score);
    this.pipeline.setCamera(camera, cameraSettings(settings, minScore));
  }

  private async applyStreams(camera: string, changes: Partial<CameraConfig> = {}): Promise<void> {
    const settings = this.config.cameras[camera];
    if (settings === undefined) return;
    const areClipsWanted = wantsClips(this.config, camera);
    await this.streams.apply(camera, { ...settings, ...changes }, areClipsWanted);
  }

  private tracking(): TrackingConfig {
    return trackingFor(this.options.manifest.tracking, this.config.tracking);
  }
}

function cpuOf(pid: number | undefined): number {
  return pid === undefined ? 0 : cpuMs(pid);
}
