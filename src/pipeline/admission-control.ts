// Joins admission to the configuration: at start cameras are lowered or left out, a pushed camera too many is refused.
import { join } from 'node:path';
import type { CameraConfig, Config } from '../config/schema/config.ts';
import type { CapacityProfile, Fingerprint } from '../contracts/capacity.ts';
import { AgentError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { MeasurementFile } from '../infer/measurement-file.ts';
import { type Admission, admissionText, admit, type Demand, type Machine } from './admission.ts';

/** Where `vedette bench` leaves its profile and the agent finds it. */
export function capacityFile(storage: string, log: Log): MeasurementFile<CapacityProfile> {
  return new MeasurementFile(join(storage, 'capacity.json'), log, isProfile);
}

/** What the cameras of a configuration ask for; those that are switched off ask for nothing. */
export function demandsOf(cameras: Readonly<Record<string, CameraConfig>>): Demand[] {
  return Object.entries(cameras)
    .filter(([, { enabled }]) => enabled)
    .map(([camera, { fps, min_fps, priority }]) => ({ camera, fps, minFps: min_fps, priority }));
}

export class AdmissionControl {
  private readonly log: Log;
  private machine: Machine | undefined;
  private current: Admission | undefined;

  constructor(log: Log) {
    this.log = log;
  }

  /** Looks for a profile of this model on this machine. Without one, everything is admitted. */
  read(storage: string, on: Fingerprint): void {
    const profile = capacityFile(storage, this.log).find(on);
    this.machine = profile && { profile, cores: on.cores };
    if (profile !== undefined) return;
    const hint = 'what this machine carries was never measured, so cameras are not limited';
    this.log.info(`${hint}; \`vedette bench --config FILE\` measures it`);
  }

  /** The verdict in force; null without a profile. */
  get verdict(): Admission | null {
    return this.current ?? null;
  }

  /**
   * `config` with the rates that the machine carries, and without the cameras that it does not. Throws COMMAND_REFUSED, and
   * changes nothing, when `mayRefuse` is false and a camera would be refused that is not refused already.
   */
  settle(config: Config, mayRefuse: boolean): Config {
    if (this.machine === undefined) return config;
    const demands = demandsOf(config.cameras);
    const admission = admit(demands, this.machine);
    const text = admissionText(demands, this.machine);
    const known = this.current?.refused ?? [];
    if (!mayRefuse && admission.refused.some((camera) => !known.includes(camera))) {
      throw new AgentError('COMMAND_REFUSED', { cause: text });
    }
    if (admission.verdict !== this.current?.verdict || admission.verdict !== 'fits') {
      const level = { fits: 'info', degraded: 'warn', refused: 'error' } as const;
      this.log[level[admission.verdict]]({ stage: 'schedule', ...admission }, text);
    }
    this.current = admission;
    const cameras = Object.entries(config.cameras).map(([id, camera]) => [
      id,
      asAdmitted(camera, admission.fps[id]),
    ]);
    return { ...config, cameras: Object.fromEntries(cameras) };
  }
}

function asAdmitted(camera: CameraConfig, fps: number | undefined): CameraConfig {
  if (fps === undefined) return { ...camera, enabled: false };
  const isLowered = fps < camera.fps;
  return isLowered ? { ...camera, fps, idle_fps: Math.min(camera.idle_fps, fps) } : camera;
}

function isProfile(value: unknown): value is CapacityProfile {
  const { clip, ...profile } = (value ?? {}) as Partial<CapacityProfile>;
  const numbers = [
    clip?.fps,
    profile.decode_cpu_ms,
    profile.print_cpu_ms,
    profile.inference_cpu_ms,
    profile.rest_cpu_ms,
    profile.inference_fps,
  ];
  return numbers.every((number) => Number.isFinite(number) && Number(number) >= 0);
}
