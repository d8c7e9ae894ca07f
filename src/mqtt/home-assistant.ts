// Home Assistant discovery: one document per device and per camera, so that everything appears there by itself.
import type { EventRecord, EventType } from '../contracts/event.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { MqttConnection } from './connection.ts';
import type { TopicTree } from './topics.ts';

export interface HomeAssistantCamera {
  readonly id: string;
  /** Three entities each: keep to what people watch for, not all that the model knows. */
  readonly labels: readonly string[];
}

export interface DiscoveryOptions {
  /** What Home Assistant calls its discovery prefix. */
  readonly prefix: string;
  readonly device: string;
  readonly version: string;
  readonly topics: TopicTree;
}

type Json = Readonly<Record<string, unknown>>;

/** Home Assistant warns about types it was not told of, so others are not sent to its topic. */
export const HOME_ASSISTANT_EVENTS: readonly EventType[] = [
  'object_new',
  'object_end',
  'zone_enter',
  'zone_exit',
  'line_cross',
  'loitering',
  'rule',
];
/** After its birth message; spread, so that forty devices do not answer at once. */
const BIRTH_DELAY_MS = 1000;
const BIRTH_SPREAD_MS = 4000;

/** Where the document of the device (no camera) or of one camera goes. */
export function discoveryTopic({ prefix, device }: DiscoveryOptions, camera?: string): string {
  const id = camera === undefined ? `vedette_${device}` : `vedette_${device}_${camera}`;
  return `${prefix}/device/${id}/config`;
}

/** The device itself: the cameras hang below it. */
export function deviceDocument(options: DiscoveryOptions): Json {
  const { device, topics } = options;
  const id = `vedette_${device}`;
  return {
    dev: { ids: [id], name: `Vedette ${device}`, mf: 'Vedette', mdl: 'Agent', sw: options.version },
    o: origin(options),
    cmps: {
      status: {
        p: 'binary_sensor',
        unique_id: `${id}_status`,
        name: 'Status',
        device_class: 'connectivity',
        entity_category: 'diagnostic',
        state_topic: topics.path('status'),
        payload_on: 'online',
        payload_off: 'offline',
      },
    },
  };
}

/** A camera that is gone makes its counts unavailable, but `Stream` stays readable and says so. */
export function cameraDocument(options: DiscoveryOptions, camera: HomeAssistantCamera): Json {
  const { device, topics } = options;
  const id = `vedette_${device}_${camera.id}`;
  const status = topics.path('cameraStatus', { camera: camera.id });
  const online = { topic: topics.path('status') };
  const live = "{{ 'online' if value_json.state in ['live', 'stalled'] else 'offline' }}";
  return {
    dev: {
      ids: [id],
      name: camera.id,
      mf: 'Vedette',
      mdl: 'Camera',
      sw: options.version,
      via_device: `vedette_${device}`,
    },
    o: origin(options),
    availability: [online, { topic: status, value_template: live }],
    availability_mode: 'all',
    cmps: {
      ...labelComponents(id, camera, topics),
      motion: {
        p: 'binary_sensor',
        unique_id: `${id}_motion`,
        name: 'Motion',
        device_class: 'motion',
        state_topic: topics.path('cameraMotion', { camera: camera.id }),
      },
      activity: {
        p: 'event',
        unique_id: `${id}_activity`,
        name: 'Activity',
        event_types: HOME_ASSISTANT_EVENTS,
        state_topic: topics.path('cameraEventThinned', { camera: camera.id }),
      },
      stream: {
        p: 'binary_sensor',
        unique_id: `${id}_stream`,
        name: 'Stream',
        device_class: 'connectivity',
        entity_category: 'diagnostic',
        state_topic: status,
        value_template: "{{ 'ON' if value_json.state == 'live' else 'OFF' }}",
        availability: [online],
      },
      fps: {
        p: 'sensor',
        unique_id: `${id}_fps`,
        name: 'Frame rate',
        unit_of_measurement: 'fps',
        entity_category: 'diagnostic',
        enabled_by_default: false,
        state_topic: status,
        value_template: '{{ value_json.fps }}',
      },
    },
  };
}

/** The few keys that become attributes in Home Assistant; undefined for events that are not for it. */
export function thinned(event: EventRecord): Json | undefined {
  if (event.replayed || !HOME_ASSISTANT_EVENTS.includes(event.event_type)) return undefined;
  const { event_type, id, ts, label, score, track_id, zones, data } = event;
  return { event_type, id, ts, label, score, track_id, zones, ...data };
}

function labelComponents(id: string, camera: HomeAssistantCamera, topics: TopicTree): Json {
  const components: Record<string, Json> = {};
  const slugs = new Set<string>();
  for (const label of camera.labels) {
    let slug = label.toLowerCase().replace(/[^a-z0-9]+/g, '_');
    while (slugs.has(slug)) slug += '_';
    slugs.add(slug);
    const fields = { camera: camera.id, label };
    const count = topics.path('cameraCount', fields);
    const name = label.charAt(0).toUpperCase() + label.slice(1);
    components[`occupancy_${slug}`] = {
      p: 'binary_sensor',
      unique_id: `${id}_occupancy_${slug}`,
      name,
      device_class: 'occupancy',
      state_topic: count,
      value_template: "{{ 'ON' if value | int > 0 else 'OFF' }}",
    };
    components[`count_${slug}`] = {
      p: 'sensor',
      unique_id: `${id}_count_${slug}`,
      name: `${name} count`,
      state_class: 'measurement',
      state_topic: count,
    };
    components[`snapshot_${slug}`] = {
      p: 'image',
      unique_id: `${id}_snapshot_${slug}`,
      name: `Last ${label}`,
      image_topic: topics.path('cameraSnapshot', fields),
    };
  }
  return components;
}

function origin({ version }: DiscoveryOptions): Json {
  return { name: 'Vedette', sw: version };
}

/** Keeps the documents retained, removes those of cameras that are gone, and sends all again when Home Assistant starts. */
export class HomeAssistant {
  private readonly options: DiscoveryOptions;
  private readonly connection: MqttConnection;
  private readonly clock: Clock;
  private announced = new Set<string>();
  private timer: Timer | undefined;

  constructor(options: DiscoveryOptions, connection: MqttConnection, clock: Clock) {
    this.options = options;
    this.connection = connection;
    this.clock = clock;
    connection.onBirth(`${options.prefix}/status`, () => this.answerBirth());
  }

  /** Call at the start and whenever the cameras change. `former`: cameras of earlier runs, which may still be retained. */
  announce(cameras: readonly HomeAssistantCamera[], former: readonly string[] = []): void {
    const now = new Set(cameras.map(({ id }) => id));
    for (const id of [...this.announced, ...former]) {
      if (!now.has(id)) this.connection.retainAt(discoveryTopic(this.options, id), '');
    }
    this.announced = now;
    this.put(discoveryTopic(this.options), deviceDocument(this.options));
    for (const camera of cameras) {
      this.put(discoveryTopic(this.options, camera.id), cameraDocument(this.options, camera));
    }
  }

  stop(): void {
    this.timer?.cancel();
  }

  private put(topic: string, document: Json): void {
    this.connection.retainAt(topic, JSON.stringify(document));
  }

  private answerBirth(): void {
    this.timer?.cancel();
    const delayMs = BIRTH_DELAY_MS + Math.random() * BIRTH_SPREAD_MS;
    this.timer = this.clock.after(delayMs, () => this.connection.resendRetained(), true);
  }
}
