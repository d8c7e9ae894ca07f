// The topic tree: every topic Vedette publishes or listens to, with its retain flag and QoS. docs/mqtt.md lists exactly these.
import { AgentError } from '../core/errors.ts';

export type Qos = 0 | 1;

export interface TopicSpec {
  /** Below `<prefix>/<device>/`; names in braces are filled in. */
  readonly path: string;
  readonly direction: 'out' | 'in';
  readonly retained: boolean;
  readonly qos: Qos;
}

function out(path: string, qos: Qos, retained: 'retained' | 'passing'): TopicSpec {
  return { path, direction: 'out', retained: retained === 'retained', qos };
}

function incoming(path: string): TopicSpec {
  return { path, direction: 'in', retained: false, qos: 1 };
}

export const TOPICS = {
  status: out('status', 1, 'retained'),
  info: out('info', 1, 'retained'),
  health: out('health', 0, 'retained'),
  log: out('log', 0, 'passing'),
  command: incoming('cmd/{command}'),
  response: out('rsp/{command}', 1, 'passing'),
  cameraStatus: out('cam/{camera}/status', 1, 'retained'),
  cameraCount: out('cam/{camera}/count/{label}', 0, 'retained'),
  cameraMotion: out('cam/{camera}/motion', 0, 'retained'),
  cameraEvent: out('cam/{camera}/event', 1, 'passing'),
  cameraEventThinned: out('cam/{camera}/event/ha', 0, 'passing'),
  cameraTracks: out('cam/{camera}/tracks', 0, 'passing'),
  cameraSnapshot: out('cam/{camera}/snapshot/{label}', 1, 'retained'),
  cameraSet: incoming('cam/{camera}/set/{key}'),
  cameraState: out('cam/{camera}/state/{key}', 1, 'retained'),
} as const satisfies Record<string, TopicSpec>;

export type TopicName = keyof typeof TOPICS;
export type TopicFields = Readonly<Partial<Record<'camera' | 'label' | 'key' | 'command', string>>>;

export interface IncomingTopic {
  readonly name: 'command' | 'cameraSet';
  readonly fields: TopicFields;
}

const MAX_LEVEL = 128;
/** The separator, wildcards, and what MQTT 5 §1.5.4 bans or lets a server reject: controls, lone surrogates, non-characters. */
const FORBIDDEN = /[+#/\p{Cc}\p{Cs}\ufffe\uffff]/u;
const FORBIDDEN_ALL = new RegExp(FORBIDDEN.source, 'gu');
const COMMAND = /^[a-z][a-z_-]{0,31}(\/[a-z][a-z_-]{0,31}){0,2}$/;
const SUBSCRIPTIONS = ['cmd/#', 'cam/+/set/+'] as const;

/** Topics of one device. Construction and `path` throw CONFIG_INVALID for names that cannot be a topic level. */
export class TopicTree {
  readonly base: string;

  constructor(prefix: string, device: string) {
    const levels = prefix.split('/').map((level) => checked('mqtt.prefix', level));
    if (prefix.startsWith('$')) throw refused('mqtt.prefix', prefix, 'starts with "$"');
    this.base = `${levels.join('/')}/${checked('device.name', device)}`;
  }

  /**
   * The full topic. Names of cameras and keys must be legal levels; a label comes from a model's
   * metadata, so its illegal characters become `_` instead. A command may have levels of its own.
   */
  path(name: TopicName, fields: TopicFields = {}): string {
    const path = TOPICS[name].path.replace(/\{(\w+)\}/g, (_, field: keyof TopicFields) => {
      const value = fields[field] ?? '';
      if (field === 'label') return labelLevel(value);
      if (field !== 'command') return checked(field, value);
      if (!COMMAND.test(value)) throw refused('command', value, 'is not a command name');
      return value;
    });
    return `${this.base}/${path}`;
  }

  /** What to subscribe to: commands and switches, never anything that this device publishes. */
  get subscriptions(): string[] {
    return SUBSCRIPTIONS.map((filter) => `${this.base}/${filter}`);
  }

  /** What a received topic means; undefined when it is not one of ours. */
  parse(topic: string): IncomingTopic | undefined {
    if (!topic.startsWith(`${this.base}/`)) return undefined;
    const path = topic.slice(this.base.length + 1);
    const command = path.startsWith('cmd/') ? path.slice('cmd/'.length) : undefined;
    if (command !== undefined) {
      return COMMAND.test(command) ? { name: 'command', fields: { command } } : undefined;
    }
    const [cam, camera, set, key, ...rest] = path.split('/');
    if (cam !== 'cam' || set !== 'set' || !camera || !key || rest.length > 0) return undefined;
    return { name: 'cameraSet', fields: { camera, key } };
  }
}

function checked(what: string, value: string): string {
  if (value === '') throw refused(what, value, 'is empty');
  if (value.length > MAX_LEVEL)
    throw refused(what, value, `is longer than ${MAX_LEVEL} characters`);
  if (FORBIDDEN.test(value)) throw refused(what, value, 'contains +, #, / or an illegal character');
  return value;
}

function labelLevel(label: string): string {
  return label.slice(0, MAX_LEVEL).replace(FORBIDDEN_ALL, '_') || '_';
}

function refused(what: string, value: string, why: string): AgentError {
  const shown = JSON.stringify(value.slice(0, 40));
  return new AgentError('CONFIG_INVALID', {
    count: 1,
    problems: `${what}: ${shown} ${why}, so it cannot be part of an MQTT topic`,
  });
}
