// What zones, lines and rules name must be there: cameras, each other, receivers, the ground.
import type { Point } from '../contracts/geometry.ts';
import type { Condition, RulePlan } from '../contracts/rule.ts';
import type { ConfigCheck, Finding } from './finding.ts';
import { nearest } from './problem.ts';
import type { Config } from './schema/config.ts';
import type { Path } from './schema/keys.ts';

export const checkScenes: ConfigCheck = (config) => [
  ...placesOfCameras(config),
  ...grounds(config),
  ...Object.entries(config.rules).flatMap(([name, rule]) => [...ruleNames(config, name, rule)]),
];

function* placesOfCameras({ cameras, zones, lines }: Config): Generator<Finding> {
  for (const [section, places] of Object.entries({ zones, lines })) {
    for (const [name, { camera }] of Object.entries(places)) {
      yield* known('camera', [section, name, 'camera'], camera, Object.keys(cameras));
    }
  }
}

function* grounds({ cameras, zones }: Config): Generator<Finding> {
  for (const [id, { ground }] of Object.entries(cameras)) {
    if (ground === undefined || (isSpread(ground.picture) && isSpread(ground.metres))) continue;
    const message = 'three of its points lie on one line; they say nothing about a plane';
    yield { severity: 'error', path: ['cameras', id, 'ground'], message };
  }
  for (const [name, { camera, max_speed_kmh }] of Object.entries(zones)) {
    if (max_speed_kmh === undefined || cameras[camera]?.ground !== undefined) continue;
    const message = `camera "${camera}" has no \`ground\`, so no speed is known there`;
    yield { severity: 'error', path: ['zones', name, 'max_speed_kmh'], message };
  }
}

function* ruleNames(config: Config, name: string, rule: RulePlan): Generator<Finding> {
  const path = ['rules', name];
  for (const [i, camera] of (rule.cameras ?? []).entries()) {
    yield* known('camera', [...path, 'cameras', i], camera, Object.keys(config.cameras));
  }
  const receivers = config.alerts.map((alert) => alert.name);
  for (const [i, receiver] of rule.action.alerts.entries()) {
    yield* known('receiver', [...path, 'then', 'alerts', i], receiver, receivers);
  }
  yield* conditionNames(config, rule.when, [...path, 'when']);
}

function* conditionNames(config: Config, condition: Condition, path: Path): Generator<Finding> {
  for (const key of ['all', 'any', 'sequence'] as const) {
    const parts = (condition as Partial<Record<typeof key, readonly Condition[]>>)[key] ?? [];
    for (const [i, part] of parts.entries()) yield* conditionNames(config, part, [...path, key, i]);
  }
  if ('not' in condition) yield* conditionNames(config, condition.not, [...path, 'not']);
  if ('sun' in condition && config.device.location === undefined) {
    const message = 'needs `device.location`, or nobody knows where the sun stands';
    yield { severity: 'error', path: [...path, 'sun'], message };
  }
  const isCounter = 'counter' in condition;
  const place = (isCounter ? condition.counter : condition) as { zone?: string; line?: string };
  const at = isCounter ? [...path, 'counter'] : path;
  if (place.zone !== undefined) {
    yield* known('zone', [...at, 'zone'], place.zone, Object.keys(config.zones));
  }
  if (place.line !== undefined) {
    yield* known('line', [...at, 'line'], place.line, Object.keys(config.lines));
  }
}

function* known(
  kind: string,
  path: Path,
  name: string,
  names: readonly string[],
): Generator<Finding> {
  if (names.includes(name)) return;
  const near = nearest(name, names);
  const help = near === undefined ? '' : `; did you mean "${near}"?`;
  yield { severity: 'error', path, message: `no ${kind} is called "${name}"${help}` };
}

/** No three of the points lie on one line. */
function isSpread(points: readonly Point[]): boolean {
  return points.every((_, left) => {
    const [a, b, c] = points.filter((_, i) => i !== left) as [Point, Point, Point];
    const [ux, uy, vx, vy] = [b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]];
    return Math.abs(ux * vy - uy * vx) > 1e-6 * Math.hypot(ux, uy) * Math.hypot(vx, vy);
  });
}
