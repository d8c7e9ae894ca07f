// From the configuration to what is watched in each camera's picture.
import type { Config } from '../config/schema/config.ts';
import type { Scenes } from './scene.ts';

export function scenesOf(
  config: Pick<Config, 'cameras' | 'zones' | 'lines' | 'rules' | 'device'>,
): Scenes {
  const { cameras, zones, lines, rules, device } = config;
  const plans = Object.entries(cameras).map(([camera, { masks, ground }]) => {
    const plan = {
      zones: ofCamera(zones, camera),
      lines: ofCamera(lines, camera),
      masks,
      ...(ground !== undefined && { ground }),
      timezone: device.timezone,
    };
    return [camera, plan] as const;
  });
  return { cameras: Object.fromEntries(plans), rules, location: device.location };
}

/** Whether a rule that applies to the camera wants clips. */
export function wantsClips({ rules }: Pick<Config, 'rules'>, camera: string): boolean {
  return Object.values(rules).some(
    ({ action, cameras }) => action.clip && cameras?.includes(camera) !== false,
  );
}

function ofCamera<Place extends { readonly camera: string }>(
  places: Readonly<Record<string, Place>>,
  camera: string,
): Record<string, Place> {
  return Object.fromEntries(Object.entries(places).filter(([, place]) => place.camera === camera));
}
