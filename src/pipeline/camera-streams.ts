// The streams of all cameras: each one's decoded stream, the one it may record, and the clips that are cut from both.
import type { CameraConfig } from '../config/schema/config.ts';
import type { CameraState, CameraStatus } from '../contracts/camera.ts';
import type { Frame } from '../contracts/frame.ts';
import type { Clip } from '../contracts/sink.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { cameraPlan, type PlanLimits, recordPlan } from './camera-plan.ts';
import { CameraSet } from './cameras.ts';
import { ClipKeeper, type ClipSettings } from './clip.ts';
import { RecordStreams } from './record-streams.ts';
import { CameraSupervisor } from './supervisor.ts';

export interface CameraStreamsDeps {
  readonly arena: { readonly fd: number };
  readonly limits: PlanLimits;
  readonly clips: ClipSettings;
  /** All that camera processes see of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Another program in place of `camera-process`; for tests. */
  readonly entry?: string;
  deliver(clip: Clip): void;
}

export interface StreamListener {
  /** False: the frame will not be printed. */
  frame(frame: Frame): boolean;
  /** Also when the recorded stream came or went, with the same state as before. */
  status(status: CameraStatus, was: CameraState): void;
  /** The frames of the decoded stream cannot be printed any more. */
  sessionEnd(camera: string): void;
}

export class CameraStreams {
  /** What is decoded. */
  readonly cameras: CameraSet;
  readonly clips: ClipKeeper;
  private readonly deps: CameraStreamsDeps;
  private readonly records: RecordStreams;
  private readonly newestFrames = new Map<string, Frame>();
  private listener: StreamListener | undefined;

  constructor(deps: CameraStreamsDeps) {
    this.deps = deps;
    const { arena, clock, log, environment, entry } = deps;
    const common = { arena, clock, environment, ...(entry !== undefined && { entry }) };
    this.clips = new ClipKeeper(deps.clips, {
      ...{ clock, log },
      deliver: (clip) => deps.deliver(clip),
      recordSize: (camera) => this.records.status(camera)?.frame_size ?? undefined,
    });
    this.cameras = new CameraSet({
      createSupervisor: (plan) => new CameraSupervisor({ ...common, plan, log }),
      onFrame: (frame) => this.onFrame(frame),
      onUnit: (camera, unit) => this.clips.unit(camera, unit),
      onStatus: (status, was) => this.listener?.status(this.withRecord(status), was),
      onSessionEnd: (camera) => {
        this.newestFrames.delete(camera);
        this.listener?.sessionEnd(camera);
        this.clips.end(camera);
      },
    });
    const recordLog = log.child({ stream: 'record' });
    this.records = new RecordStreams({
      createSupervisor: (plan) => new CameraSupervisor({ ...common, plan, log: recordLog }),
      onUnit: (camera, unit) => this.clips.unit(camera, unit, 'record'),
      onChange: (camera) => {
        const status = this.cameras.get(camera)?.status();
        if (status !== undefined) this.listener?.status(this.withRecord(status), status.state);
      },
      onSessionEnd: (camera) => this.clips.end(camera, 'record'),
    });
  }

  /** Cameras may run before: then nobody wants their frames, and `listener` hears at once how they are and what they show. */
  join(listener: StreamListener): void {
    this.listener = listener;
    for (const status of this.statuses()) listener.status(status, 'connecting');
    for (const frame of this.newestFrames.values()) listener.frame(frame);
  }

  /**
   * Starts a camera or changes what is wanted of it; streams that this does not change lose no frame. Clips come from the
   * recorded stream, and from the decoded one while that is away: both send while clips are wanted.
   */
  async apply(camera: string, settings: CameraConfig, areClipsWanted: boolean): Promise<void> {
    await this.cameras.apply(cameraPlan(camera, settings, this.deps.limits));
    const supervisor = this.cameras.get(camera);
    supervisor?.wantFps(settings.fps);
    const isNews = this.clips.watch(camera, areClipsWanted);
    if (isNews) supervisor?.wantEncoded(areClipsWanted);
    const record = areClipsWanted ? recordPlan(camera, settings) : undefined;
    this.clips.watch(camera, record !== undefined, 'record');
    await this.records.apply(camera, record);
  }

  async remove(camera: string): Promise<void> {
    await Promise.all([this.cameras.remove(camera), this.records.apply(camera, undefined)]);
    this.newestFrames.delete(camera);
    this.clips.watch(camera, false);
    this.clips.watch(camera, false, 'record');
  }

  /** Undefined before a camera's first frame. */
  newest(camera: string): Frame | undefined {
    return this.newestFrames.get(camera);
  }

  statuses(): CameraStatus[] {
    return this.cameras.statuses().map((status) => this.withRecord(status));
  }

  /** With that of the recorded stream, where there is one; undefined: there is no such camera. */
  status(camera: string): CameraStatus | undefined {
    const supervisor = this.cameras.get(camera);
    return supervisor && this.withRecord(supervisor.status());
  }

  /** Of the processes that have the camera's streams now; those that are not there are left out. */
  pids(camera: string): { readonly decoded?: number; readonly recorded?: number } {
    const [decoded, recorded] = [this.cameras.get(camera)?.pid, this.records.pid(camera)];
    return {
      ...(decoded !== undefined && { decoded }),
      ...(recorded !== undefined && { recorded }),
    };
  }

  async stop(): Promise<void> {
    await Promise.all([this.cameras.stop(), this.records.stop()]);
  }

  private onFrame(frame: Frame): void {
    this.newestFrames.set(frame.camera, frame);
    const isWanted = this.listener?.frame(frame) ?? false;
    if (!isWanted) this.cameras.get(frame.camera)?.pass(frame.sequence);
  }

  private withRecord(status: CameraStatus): CameraStatus {
    const record = this.records.status(status.camera);
    return record === undefined ? status : { ...status, record };
  }
}
