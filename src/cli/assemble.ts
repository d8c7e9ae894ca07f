// What every command that watches cameras is made of: broker connection, sinks, model, agent. Nothing is started here.
import { join } from 'node:path';
import { Agent } from '../agent.ts';
import type { Config } from '../config/schema/config.ts';
import type { ModelManifest } from '../contracts/model.ts';
import type { Sink } from '../contracts/sink.ts';
import { systemClock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { MqttConnection } from '../mqtt/connection.ts';
import { createSinks } from '../sinks/registry.ts';
import { cameraEnvironment } from './camera-environment.ts';
import { resolveAppearance, resolveModel } from './installed-models.ts';

export interface Assembly {
  readonly agent: Agent;
  /** Started and stopped by the caller: it outlives the agent, whose last events it carries. */
  readonly mqtt: MqttConnection | undefined;
  readonly manifest: ModelManifest;
}

export function assemble(config: Config, log: Log, extra: readonly Sink[] = []): Assembly {
  const clock = systemClock;
  const folder = join(config.storage.path, 'models');
  const manifest = resolveModel(config.model, folder);
  const { appearance } = config;
  const device = config.device.name;
  const mqtt = config.mqtt && new MqttConnection({ config: config.mqtt, device, clock, log });
  const isForHomeAssistant = config.mqtt?.home_assistant ?? false;
  const deps = { connection: mqtt, clock, log, extra, isForHomeAssistant };
  const agent = new Agent({
    config,
    manifest,
    appearance: appearance && {
      manifest: resolveAppearance(appearance, folder),
      most: appearance.most,
    },
    sinks: createSinks(config, deps).hub,
    runtimeLibrary: process.env.VEDETTE_ORT,
    cameraEnvironment: cameraEnvironment(process.env),
    clock,
    log,
  });
  return { agent, mqtt, manifest };
}
