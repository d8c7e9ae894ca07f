// From the configuration's `mqtt` section to what mqtt.js needs for one connection.
import { readFileSync } from 'node:fs';
import type { IClientOptions } from 'mqtt';
import { AgentError, causeText } from '../core/errors.ts';

/** The `mqtt` section, as far as connecting is concerned. `ca`, `cert` and `key` are paths of PEM files. */
export interface MqttConfig {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly client_id?: string | undefined;
  readonly prefix: string;
}

const PROTOCOLS = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];
const KEEPALIVE_S = 15;
const CONNECT_TIMEOUT_MS = 10_000;

/** Throws CONFIG_INVALID for a URL that no broker can have. */
export function checkUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && PROTOCOLS.includes(parsed.protocol) && parsed.hostname !== '') return;
  throw invalid(`mqtt.url: write mqtt://host:1883 or mqtts://host:8883`);
}

/**
 * Options for one connection; nothing in them makes mqtt.js reconnect, resend or queue.
 *
 * Certificates are read anew each time, so that renewed ones are used at the next connect. The
 * broker's certificate is always verified. Throws CONFIG_INVALID for an unreadable file.
 */
export function clientOptions(
  config: MqttConfig,
  device: string,
  protocolVersion: 4 | 5,
  will: NonNullable<IClientOptions['will']>,
): IClientOptions {
  return {
    clientId: clientId(config, device),
    protocolVersion,
    clean: true,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    will,
    ...(config.username !== undefined && { username: config.username }),
    ...(config.password !== undefined && { password: config.password }),
    ...(config.ca !== undefined && { ca: pem('ca', config.ca) }),
    ...(config.cert !== undefined && { cert: pem('cert', config.cert) }),
    ...(config.key !== undefined && { key: pem('key', config.key) }),
    rejectUnauthorized: true,
  };
}

export function clientId(config: MqttConfig, device: string): string {
  return config.client_id ?? `vedette-${device}`;
}

function pem(key: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalid(`mqtt.${key}: ${causeText(error)}`);
  }
}

function invalid(problems: string): AgentError {
  return new AgentError('CONFIG_INVALID', { count: 1, problems });
}
