// Which sinks a configuration asks for, and how they share the store thread, the outbox and the broker.
import { join } from 'node:path';
import type { Config } from '../config/schema/config.ts';
import type { Sink } from '../contracts/sink.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { MqttConnection } from '../mqtt/connection.ts';
import { WebhookSink } from './alerts/webhook.ts';
import { FileSink } from './files.ts';
import { SinkHub } from './hub.ts';
import { MqttSink } from './mqtt.ts';
import { Outbox } from './outbox.ts';
import { Retention } from './retention.ts';
import { SqliteSink } from './sqlite.ts';
import { Store } from './store.ts';

export type SinksConfig = Pick<Config, 'alerts' | 'storage' | 'mqtt' | 'cameras'>;

export interface SinksDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined: nothing is published. The caller starts it before the hub and stops it after. */
  readonly connection: MqttConnection | undefined;
  /** Sinks of the caller's own, for instance the terminal. */
  readonly extra?: readonly Sink[];
  /** Home Assistant is told of this device: its copy of live events is published too. */
  readonly isForHomeAssistant?: boolean;
}

export interface Sinks {
  readonly hub: SinkHub;
  readonly archive: SqliteSink;
}

const MEGABYTE = 1024 * 1024;
/** Room for about two million events. */
const MAX_DATABASE_BYTES = 2048 * MEGABYTE;
const MQTT_READER = 'mqtt';

export function createSinks(config: SinksConfig, deps: SinksDeps): Sinks {
  const { storage, alerts } = config;
  const { clock, log, connection } = deps;
  const store = new Store();
  const shared = { clock, log };
  const archive = new SqliteSink({
    ...shared,
    path: join(storage.path, storage.database),
    file: store.archive,
  });
  const place = (kind: 'stills' | 'clips') => ({
    ...shared,
    folder: join(storage.path, kind),
    maxBytes: storage[kind].max_mb * MEGABYTE,
  });
  const files = [FileSink.clips(place('clips'))];
  if (storage.stills.enabled) files.push(FileSink.stills(place('stills')));
  const retention = new Retention({
    ...shared,
    archive,
    files,
    days: storage.retention_days,
    maxDatabaseBytes: MAX_DATABASE_BYTES,
  });
  const sinks: Sink[] = [archive, ...files, ...(deps.extra ?? [])];
  if (connection !== undefined || alerts.length > 0) {
    const path = join(storage.path, 'outbox.db');
    const names = alerts.map(({ name }) => webhookReader(name));
    const readers = connection === undefined ? names : [MQTT_READER, ...names];
    const outbox = new Outbox({ ...shared, path, readers, file: store.outbox });
    sinks.push(outbox, ...receivers(config, deps, outbox, archive));
  }
  const hub = new SinkHub(sinks, log, async () => {
    await retention.stop();
    await store.close();
  });
  retention.start();
  return { hub, archive };
}

function receivers(
  config: SinksConfig,
  deps: SinksDeps,
  outbox: Outbox,
  archive: SqliteSink,
): Sink[] {
  const { alerts, mqtt, cameras } = config;
  const { clock, log, connection } = deps;
  const webhooks = alerts.map(
    (alert) =>
      new WebhookSink({
        config: alert,
        reader: outbox.reader(webhookReader(alert.name)),
        clock,
        log,
      }),
  );
  if (connection === undefined) return webhooks;
  const mqttSink = new MqttSink({
    connection,
    reader: outbox.reader(MQTT_READER),
    clock,
    log,
    formerCameras: {
      list: () => archive.formerCameras(Object.keys(cameras)),
      forget: (ids) => archive.forgetCameras(ids),
    },
    publishTracks: mqtt?.publish_tracks ?? false,
    isForHomeAssistant: deps.isForHomeAssistant ?? false,
  });
  return [mqttSink, ...webhooks];
}

function webhookReader(name: string): string {
  return `webhook/${name}`;
}
