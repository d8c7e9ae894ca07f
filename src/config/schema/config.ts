// The whole configuration: types, defaults, validation, documentation and change plan all derive from here.
import * as v from 'valibot';
import { alerts } from './alerts.ts';
import { cameras } from './cameras.ts';
import { device } from './device.ts';
import { lines } from './lines.ts';
import { log } from './log.ts';
import { appearance, model } from './model.ts';
import { mqtt } from './mqtt.ts';
import { rules } from './rules.ts';
import { runtime } from './runtime.ts';
import { storage } from './storage.ts';
import { tracking } from './tracking.ts';
import { zones } from './zones.ts';

export const configSchema = v.strictObject({
  device: v.optional(device, {}),
  cameras,
  model,
  appearance: v.exactOptional(appearance),
  runtime: v.optional(runtime, {}),
  tracking: v.optional(tracking, {}),
  zones: v.optional(zones, {}),
  lines: v.optional(lines, {}),
  rules: v.optional(rules, {}),
  mqtt: v.exactOptional(mqtt),
  storage: v.optional(storage, {}),
  alerts: v.optional(alerts, []),
  log: v.optional(log, {}),
});

export type Config = v.InferOutput<typeof configSchema>;
export type CameraConfig = Config['cameras'][string];
export type ModelConfig = Config['model'];
export type AppearanceConfig = NonNullable<Config['appearance']>;
export type AlertConfig = Config['alerts'][number];
