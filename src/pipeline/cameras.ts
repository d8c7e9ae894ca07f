// Stage `source`, agent side: the set of cameras, each behind its supervisor.
import type { CameraState, CameraStatus } from '../contracts/camera.ts';
import type { Frame } from '../contracts/frame.ts';
import type { Ticket } from '../contracts/ticket.ts';
import type { Printed, PrintJob } from './batch.ts';
import { REFUSED } from './camera-child.ts';
import type { CameraPlan } from './camera-plan.ts';
import type { AccessUnit } from './encoded-pipe.ts';
import type { CameraSupervisor } from './supervisor.ts';

export interface CameraSetDeps {
  createSupervisor(plan: CameraPlan): CameraSupervisor;
  onFrame(frame: Frame): void;
  onUnit(camera: string, unit: AccessUnit): void;
  onStatus(status: CameraStatus, was: CameraState): void;
  /** A session is over: its frames cannot be printed any more. */
  onSessionEnd(camera: string): void;
}

export class CameraSet {
  private readonly deps: CameraSetDeps;
  private readonly supervisors = new Map<string, CameraSupervisor>();

  constructor(deps: CameraSetDeps) {
    this.deps = deps;
  }

  /** Adds a camera and starts it, or applies a changed plan to it; an unchanged plan changes nothing. */
  async apply(plan: CameraPlan): Promise<void> {
    const known = this.supervisors.get(plan.camera);
    if (known !== undefined) {
      await known.apply(plan);
      return;
    }
    const supervisor = this.deps.createSupervisor(plan);
    this.supervisors.set(plan.camera, supervisor);
    this.listen(plan.camera, supervisor);
    supervisor.start();
  }

  async remove(camera: string): Promise<void> {
    const supervisor = this.supervisors.get(camera);
    this.supervisors.delete(camera);
    await supervisor?.stop();
  }

  get ids(): string[] {
    return [...this.supervisors.keys()];
  }

  get(camera: string): CameraSupervisor | undefined {
    return this.supervisors.get(camera);
  }

  statuses(): CameraStatus[] {
    return [...this.supervisors.values()].map((supervisor) => supervisor.status());
  }

  /** Resolves when one of the cameras opens its source; at once when there is none. */
  async firstLoaded(): Promise<void> {
    const all = [...this.supervisors.values()].flatMap(({ loaded }) => loaded ?? []);
    if (all.length > 0) await Promise.race(all);
  }

  /** Has a camera print; refused when it is gone. */
  print(camera: string, ticket: Ticket): Promise<Printed> {
    const supervisor = this.supervisors.get(camera);
    return supervisor?.print(ticket) ?? Promise.resolve({ refused: 'frame_gone' });
  }

  /** As `print`, for a session to wait for. */
  order(camera: string, ticket: Ticket): PrintJob {
    return this.supervisors.get(camera)?.order(ticket) ?? REFUSED;
  }

  /** Stops all at once; each takes at most the time of its kill ladder. */
  async stop(): Promise<void> {
    await Promise.all([...this.supervisors.keys()].map((camera) => this.remove(camera)));
  }

  private listen(camera: string, supervisor: CameraSupervisor): void {
    let was: CameraState = 'connecting';
    supervisor.on('frame', (frame) => this.deps.onFrame(frame));
    supervisor.on('encoded', (unit) => this.deps.onUnit(camera, unit));
    supervisor.on('status', (status) => {
      const isChange = status.state !== was;
      if (isChange && was === 'live') this.deps.onSessionEnd(status.camera);
      this.deps.onStatus(status, was);
      was = status.state;
    });
  }
}
