// The second streams of cameras, which clips are made of: each in a process of its own, opened while clips are wanted.
//
// Whatever happens to one of them, the stream that is decoded goes on.
import type { RecordStatus } from '../contracts/camera.ts';
import type { CameraPlan } from './camera-plan.ts';
import { CameraSet } from './cameras.ts';
import type { AccessUnit } from './encoded-pipe.ts';
import type { CameraSupervisor } from './supervisor.ts';

export interface RecordStreamsDeps {
  createSupervisor(plan: CameraPlan): CameraSupervisor;
  onUnit(camera: string, unit: AccessUnit): void;
  /** It came live, or is so no more. */
  onChange(camera: string): void;
  /** No unit comes that continues the last one. */
  onSessionEnd(camera: string): void;
}

export class RecordStreams {
  private readonly streams: CameraSet;

  constructor(deps: RecordStreamsDeps) {
    this.streams = new CameraSet({
      createSupervisor: (plan) => {
        const supervisor = deps.createSupervisor(plan);
        // Once: asked again, a running stream would begin anew with its next key frame.
        supervisor.wantEncoded(true);
        return supervisor;
      },
      onFrame: () => {},
      onUnit: (camera, unit) => deps.onUnit(camera, unit),
      onStatus: ({ camera, state }, was) => {
        if (state !== was) deps.onChange(camera);
      },
      onSessionEnd: (camera) => deps.onSessionEnd(camera),
    });
  }

  /** Undefined: the camera has no second stream, or nobody wants it. An unchanged plan changes nothing. */
  async apply(camera: string, plan: CameraPlan | undefined): Promise<void> {
    if (plan === undefined) await this.streams.remove(camera);
    else await this.streams.apply(plan);
  }

  status(camera: string): RecordStatus | undefined {
    const supervisor = this.streams.get(camera);
    if (supervisor === undefined) return undefined;
    const { state, fps, codec, frame_size, last_error } = supervisor.status();
    return { state, fps, codec, frame_size, last_error };
  }

  /** Of the process that receives the stream now. */
  pid(camera: string): number | undefined {
    return this.streams.get(camera)?.pid;
  }

  stop(): Promise<void> {
    return this.streams.stop();
  }
}
