// The composition root: builds the services of the daemon in order and joins them; they stop in reverse.
import { join } from 'node:path';
import type { ChangePlan } from './config/diff.ts';
import type { CameraConfig, Config } from './config/schema/config.ts';
import type { CameraStatus } from './contracts/camera.ts';
import type { FrameDetections } from './contracts/detection.ts';
import type { Frame } from './contracts/frame.ts';
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
import type { InferenceEngine } from './infer/engine.ts';
import type { EmbeddingHead } from './infer/heads/head.ts';
import { isLayout } from './infer/layout.ts';
import { MeasurementFile } from './infer/measurement-file.ts';
import { type AppearanceModel, embeddingBytes, openEmbedding } from './infer/open-embedding.ts';
import { type OpenedEngine, openEngine } from './infer/open-engine.ts';
import { findRuntimeLibrary } from './native/runtime-library.ts';
import { describeRuntime } from './native/session.ts';
import type { Admission } from './pipeline/admission.ts';
import { AdmissionControl } from './pipeline/admission-control.ts';
import { cameraPlan, cameraSettings, type PlanLimits, recordPlan } from './pipeline/camera-plan.ts';
import { CameraSet } from './pipeline/cameras.ts';
import { ClipKeeper } from './pipeline/clip.ts';
import { CounterFile } from './pipeline/counter-file.ts';
import { type CameraExplanation, explainCamera } from './pipeline/explain.ts';
import { Metrics } from './pipeline/metrics.ts';
import { Pipeline } from './pipeline/pipeline.ts';
import { RecordStreams } from './pipeline/record-streams.ts';
import { scenesOf, wantsClips } from './pipeline/scene-plan.ts';
import { SnapshotKeeper, STILL_SLOT_BYTES } from './pipeline/snapshot.ts';
import { CameraSupervisor } from './pipeline/supervisor.ts';
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
  private opened!: OpenedEngine;
  private describing: InferenceEngine<EmbeddingHead> | undefined;
  private pipeline!: Pipeline;
  private cameras!: CameraSet;
  private records!: RecordStreams;
  private decoders: readonly DecoderChoice[] = [];
  private snapshots: SnapshotKeeper | undefined;
  private readonly clips: ClipKeeper;
  private readonly newest = new Map<string, Frame>();

  constructor(options: AgentOptions) {
    this.options = options;
    this.config = options.config;
    const { clock, log, sinks } = options;
    this.clips = new ClipKeeper(options.config.storage.clips, {
      clock,
      log,
      deliver: (clip) => sinks.write([{ kind: 'clip', clip }]),
      recordSize: (camera) => this.records.status(camera)?.frame_size ?? undefined,
    });
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
      await Promise.all([this.cameras.remove(camera), this.records.apply(camera, undefined)]);
      this.pipeline.removeCamera(camera);
      this.clips.watch(camera, false);
      this.clips.watch(camera, false, 'record');
    }
    this.clips.setSettings(config.storage.clips);
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
      provider: this.opened.engine.provider,
      provider_choices: this.opened.choices,
      decoder_choices: this.decoders,
      admission: this.admission.verdict,
      metrics: this.metrics.snapshot(),
    };
  }

  /** A JPEG of the camera's newest frame; undefined when it has none or cannot print it. */
  async snapshot(camera: string): Promise<Uint8Array | undefined> {
    const frame = this.newest.get(camera);
    return frame && this.snapshots?.still(frame);
  }

  /** How a camera does and what holds it back, from two looks a moment apart. */
  async explain(camera: string): Promise<CameraExplanation> {
    const wanted = this.pipeline.wanted(camera);
    const supervisor = this.cameras.get(camera);
    if (wanted === undefined || supervisor === undefined) {
      throw new AgentError('COMMAND_REFUSED', { cause: `there is no camera ${camera}` });
    }
    const look = () => ({
      ...this.pipeline.sample(camera),
      processCpuMs: cpuOf(supervisor.pid),
      recordCpuMs: cpuOf(this.records.pid(camera)),
    });
    const before = look();
    await sleep(this.options.clock, EXPLAIN_MS);
    const { engine, layout } = this.opened;
    return explainCamera(before, look(), {
      status: this.withRecord(supervisor.status()),
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
    return this.cameras.statuses().map((status) => this.withRecord(status));
  }

  /** True when every camera played a file that is over. */
  areAllEnded(): boolean {
    return this.cameras.statuses().every((status) => status.state === 'ended');
  }

  private services(): Service[] {
    const { sinks, log } = this.options;
    return [
      sinks,
      {
        name: 'engine',
        start: async () => {
          await Promise.all([this.openEngine(), this.tryDecoders()]);
        },
        stop: async () => {
          await Promise.all([this.opened.engine.close(), this.describing?.close()]);
          this.opened.arena.close();
        },
      },
      this.pipelineService(),
      {
        name: 'cameras',
        start: async () => {
          this.admission.read(this.config.storage.path, this.opened.fingerprint);
          this.config = this.admission.settle(this.config, true);
          for (const camera of Object.keys(this.config.cameras)) await this.applyCamera(camera);
          log.info({ cameras: this.cameras.ids }, 'cameras started');
          // While their processes start there is time.
          if (this.config.storage.stills.enabled) void this.snapshots?.prepare();
        },
        stop: async () => {
          await Promise.all([this.cameras.stop(), this.records.stop()]);
        },
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
        await this.clips.drain();
        timer?.cancel();
        save();
      },
    };
  }

  private async openEngine(): Promise<void> {
    const { manifest, appearance, runtimeLibrary, log } = this.options;
    const { runtime } = this.config;
    const library = findRuntimeLibrary(runtime.library, runtimeLibrary).path;
    const described = describeRuntime(library);
    this.opened = await openEngine({
      manifest,
      runtime: { library, ...described },
      settings: runtime,
      extraBytes: STILL_SLOTS * STILL_SLOT_BYTES + embeddingBytes(appearance),
      layouts: new MeasurementFile(join(this.config.storage.path, 'layouts.json'), log, isLayout),
      log,
    });
    const { engine, layout, arena } = this.opened;
    const { provider } = engine;
    if (appearance !== undefined) {
      const { plugins, provider_options: providerOptions } = runtime;
      const detector = { library, provider, providerOptions, plugins };
      this.describing = await openEmbedding(appearance, detector, arena, log);
    }
    const fields = { model: manifest.name, provider, ...layout };
    log.info({ ...fields, runtime: described.version, library }, 'model ready');
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
    const { cameraEnvironment, clock, log, sinks } = this.options;
    const { engine, arena } = this.opened;
    const { stills } = this.config.storage;
    const print: CameraSet['print'] = (camera, ticket) => this.cameras.print(camera, ticket);
    const order: CameraSet['order'] = (camera, ticket) => this.cameras.order(camera, ticket);
    const slots = Array.from({ length: STILL_SLOTS }, () => arena.reserve(STILL_SLOT_BYTES));
    const { quality, annotate: isAnnotated } = stills;
    this.snapshots = new SnapshotKeeper({ arena, slots, clock, log, quality, isAnnotated, print });
    this.pipeline = new Pipeline({
      device: this.config.device.name,
      engine,
      appearance: this.describing && {
        engine: this.describing,
        minScore: this.tracking().high_score,
      },
      snapshots: stills.enabled ? this.snapshots : undefined,
      clips: this.clips,
      clock,
      log,
      metrics: this.metrics,
      maxQueueDelayMs: this.config.runtime.batch.max_queue_delay_us / 1000,
      preferredBatchSizes: this.config.runtime.batch.preferred_batch_size,
      createTracker: () =>
        createTracker(this.tracking(), { idFor: (captureMs) => ulid(captureMs) }),
      print,
      order,
      write: (records: readonly SinkRecord[]) => sinks.write(records),
      onDetections: this.options.onDetections,
    });
    const common = { arena, clock, environment: cameraEnvironment };
    this.cameras = new CameraSet({
      createSupervisor: (plan) => new CameraSupervisor({ ...common, plan, log }),
      onFrame: (frame) => {
        this.newest.set(frame.camera, frame);
        const isWanted = this.pipeline.frame(frame);
        if (!isWanted) this.cameras.get(frame.camera)?.pass(frame.sequence);
      },
      onUnit: (camera, unit) => this.clips.unit(camera, unit),
      onStatus: (status, was) => this.pipeline.camera(this.withRecord(status), was),
      onSessionEnd: (camera) => {
        this.pipeline.sessionEnded(camera);
        this.clips.end(camera);
      },
    });
    const recordLog = log.child({ stream: 'record' });
    this.records = new RecordStreams({
      createSupervisor: (plan) => new CameraSupervisor({ ...common, plan, log: recordLog }),
      onUnit: (camera, unit) => this.clips.unit(camera, unit, 'record'),
      onChange: (camera) => {
        const status = this.cameras.get(camera)?.status();
        if (status !== undefined) this.pipeline.camera(this.withRecord(status), status.state);
      },
      onSessionEnd: (camera) => this.clips.end(camera, 'record'),
    });
  }

  private withRecord(status: CameraStatus): CameraStatus {
    const record = this.records.status(status.camera);
    return record === undefined ? status : { ...status, record };
  }

  private async applyCamera(camera: string): Promise<void> {
    const settings = this.config.cameras[camera];
    if (settings === undefined) return;
    const minScore = Math.max(this.options.manifest.minScore, this.tracking().low_score);
    this.pipeline.setCamera(camera, cameraSettings(settings, minScore));
    await this.applyStreams(camera, settings);
    this.cameras.get(camera)?.wantFps(settings.fps);
  }

  /** Clips come from the recorded stream, and from the decoded one while that is away: both send while clips are wanted. */
  private async applyStreams(camera: string, settings: CameraConfig): Promise<void> {
    await this.cameras.apply(cameraPlan(camera, settings, this.planLimits()));
    const areWanted = wantsClips(this.config, camera);
    const isNews = this.clips.watch(camera, areWanted);
    if (isNews) this.cameras.get(camera)?.wantEncoded(areWanted);
    const record = areWanted ? recordPlan(camera, settings) : undefined;
    this.clips.watch(camera, record !== undefined, 'record');
    await this.records.apply(camera, record);
  }

  private tracking(): TrackingConfig {
    return trackingFor(this.options.manifest.tracking, this.config.tracking);
  }

  private planLimits(): PlanLimits {
    const { arena, engine } = this.opened;
    const framesUnderWay = engine.sets.reduce((sum, set) => sum + set.capacity, 0);
    return { arenaBytes: arena.bytes, framesUnderWay, decoders: this.decoders };
  }
}

function cpuOf(pid: number | undefined): number {
  return pid === undefined ? 0 : cpuMs(pid);
}
