// The one broker connection: a client of mqtt.js lives for one connection only, everything that must outlive it is here.
import type { IConnackPacket, MqttClient } from 'mqtt';
import type { CommandHandler } from '../contracts/command.ts';
import { Backoff, type BackoffOptions } from '../core/backoff.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { Log } from '../core/log.ts';
import { TypedEvents } from '../core/typed-events.ts';
import { checkUrl, clientId, clientOptions, type MqttConfig } from './client-options.ts';
import { CommandDesk } from './commands.ts';
import { InFlight, type PublishOutcome } from './in-flight.ts';
import { RetainedPictures } from './pictures.ts';
import { RetainedState } from './retained.ts';
import { type Qos, TOPICS, type TopicFields, type TopicName, TopicTree } from './topics.ts';

/** `isOn` as a person or Home Assistant asked for it: `ON` or `OFF`. */
export type SwitchHandler = (camera: string, key: string, isOn: boolean) => Promise<void>;

export interface MqttOptions {
  readonly config: MqttConfig;
  readonly device: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly backoff?: BackoffOptions;
  /** A broker that leaves a message unacknowledged this long counts as gone. */
  readonly ackTimeoutMs?: number;
}

export interface MqttCounts {
  readonly connected: boolean;
  readonly published: number;
  readonly received: number;
  /** Messages beside the outbox that were let go: not connected, the network too slow, or refused. */
  readonly dropped: number;
  readonly connects: number;
  readonly lastError: string | null;
}

type Phase = 'stopped' | 'waiting' | 'connecting' | 'greeting' | 'up';

const BACKOFF: BackoffOptions = { firstMs: 1000, maxMs: 15_000, jitter: 0.3 };
/** Only a connection that lasted this long proves that the trouble is over. */
const STABLE_MS = 10_000;
/** So many short connections in a row look like two clients with one id that throw each other out. */
const FLAPS = 3;
const REMIND_MS = 10_000;
const MAX_RETAINED_AT_ONCE = 8;
const GOODBYE_MS = 1000;
/** Unacknowledged messages are dropped while more than this waits for the network. */
const MAX_UNSENT_BYTES = 1024 * 1024;
/** A broker that names a message as the reason is well; those behind that message must not wait long. */
const BLAMED_RETRY_MS = 250;
const PROOF = 0.5;
const UNSUPPORTED_VERSION = [1, 132];

export class MqttConnection implements Service {
  readonly name = 'mqtt';
  readonly topics: TopicTree;
  readonly events: TypedEvents<{ up: []; down: [cause: string] }> = new TypedEvents();
  private readonly options: MqttOptions;
  private readonly log: Log;
  private readonly desk: CommandDesk;
  private readonly retained = new RetainedState(MAX_RETAINED_AT_ONCE);
  private readonly pictures: RetainedPictures;
  private readonly backoff: Backoff;
  private readonly inFlight: InFlight;
  private phase: Phase = 'stopped';
  private openClient: typeof import('./client.ts').openClient | undefined;
  private client: MqttClient | undefined;
  private version: 4 | 5 = 5;
  private timers: Timer[] = [];
  private onSwitch: SwitchHandler | undefined;
  private birth: { readonly topic: string; readonly onBirth: () => void } | undefined;
  private remindedMs = Number.NEGATIVE_INFINITY;
  private refusedToldMs = Number.NEGATIVE_INFINITY;
  private counts = { published: 0, received: 0, dropped: 0, connects: 0 };
  private lastError: string | null = null;

  /** Throws CONFIG_INVALID for a URL, prefix or device name that cannot work. */
  constructor(options: MqttOptions) {
    checkUrl(options.config.url);
    this.options = options;
    this.log = options.log.child({ service: 'mqtt' });
    this.topics = new TopicTree(options.config.prefix, options.device);
    this.desk = new CommandDesk(this.log);
    this.backoff = new Backoff(options.backoff ?? BACKOFF);
    this.pictures = new RetainedPictures(options.clock, (bytes) =>
      this.log.warn({ bytes }, 'the line is too slow for larger pictures; they are left out'),
    );
    this.inFlight = new InFlight(options.clock, options.ackTimeoutMs ?? 10_000, (cause) =>
      this.lose(this.client, cause),
    );
  }

  /** Loads the client library, for a `start` to come. */
  async prepare(): Promise<void> {
    this.openClient ??= (await import('./client.ts')).openClient;
  }

  /** Returns at once when prepared; the broker may be away. Throws CONFIG_INVALID for unreadable certificates. */
  async start(): Promise<void> {
    this.newOptions();
    this.phase = 'waiting';
    await this.prepare();
    this.open();
  }

  /** Says `offline` itself, so that the last will is not needed; gives up on that after a second. */
  async stop(): Promise<void> {
    const { client, phase } = this;
    this.cancelTimers();
    this.phase = 'stopped';
    this.client = undefined;
    this.pictures.detach();
    this.retained.detach();
    if (client === undefined) return;
    if (phase === 'up') {
      await this.sayGoodbye(client);
      this.events.emit('down', 'stopped');
    } else discard(client);
    this.inFlight.abandon('stopped', 0);
  }

  get isUp(): boolean {
    return this.phase === 'up';
  }

  get snapshot(): MqttCounts {
    return { connected: this.isUp, ...this.counts, lastError: this.lastError };
  }

  /** Every request of this name gets this handler's result, or the reason why not, on its response topic. */
  onCommand(name: string, handler: CommandHandler): void {
    this.desk.on(name, handler);
  }

  onSet(handler: SwitchHandler): void {
    this.onSwitch = handler;
  }

  /** Sets the retained value of a topic: now, or as soon as the broker is there. Empty removes it. */
  retain(name: TopicName, fields: TopicFields, payload: string | Buffer): void {
    const topic = this.topics.path(name, fields);
    if (name === 'cameraSnapshot') this.pictures.set(topic, payload);
    else this.retained.set(topic, payload, TOPICS[name].qos);
  }

  /** The same for a topic outside the tree, which must be a legal one; QoS 1. */
  retainAt(topic: string, payload: string): void {
    this.retained.set(topic, payload, 1);
  }

  /** For a newcomer that keeps no retained messages of its own. */
  resendRetained(): void {
    this.retained.resend();
    this.pictures.resend();
  }

  /** Calls `onBirth` whenever `online` is published on `topic`, a retained one included. Before `start`. */
  onBirth(topic: string, onBirth: () => void): void {
    this.birth = { topic, onBirth };
  }

  /**
   * Removes the retained topics of a camera that is no more: those of this run, and for `labels`
   * those that an earlier run may have left.
   */
  forgetCamera(camera: string, labels?: readonly string[]): void {
    const below = `${this.topics.base}/cam/${camera}/`;
    const isIts = (topic: string) => topic.startsWith(below);
    for (const topic of this.retained.topics.filter(isIts)) this.retained.set(topic, '', 1);
    for (const topic of this.pictures.topics.filter(isIts)) this.pictures.set(topic, '');
    if (labels === undefined) return;
    for (const name of ['cameraStatus', 'cameraMotion'] as const) this.retain(name, { camera }, '');
    for (const label of labels) {
      this.retain('cameraCount', { camera, label }, '');
      this.retain('cameraSnapshot', { camera, label }, '');
    }
  }

  /** Sends a passing message without acknowledgement; dropped and counted when it cannot go out now. */
  publish(name: TopicName, fields: TopicFields, payload: string | Buffer): void {
    const { client } = this;
    const isCongested = this.inFlight.unsentBytes > MAX_UNSENT_BYTES;
    if (client === undefined || !this.isUp || isCongested) {
      this.counts.dropped += 1;
      return;
    }
    void this.send(client, this.topics.path(name, fields), payload, TOPICS[name].qos, false);
  }

  /** Sends with QoS 1 and tells what became of it. Never rejects. */
  deliver(name: TopicName, fields: TopicFields, payload: string): Promise<PublishOutcome> {
    const { client } = this;
    if (client === undefined || !this.isUp) {
      return Promise.resolve({ kind: 'away', cause: 'not connected', suspicion: 0 });
    }
    return this.send(client, this.topics.path(name, fields), payload, 1, false);
  }

  private open(): void {
    if (this.phase !== 'waiting' || this.openClient === undefined) return;
    this.phase = 'connecting';
    let client: MqttClient;
    try {
      client = this.openClient(this.options.config.url, this.newOptions());
    } catch (error) {
      this.lose(undefined, causeText(error));
      return;
    }
    this.client = client;
    client.on('connect', (connack) => void this.greet(client, connack));
    client.on('message', (topic, payload, packet) => {
      if (this.client === client) void this.receive(client, topic, payload, packet.retain);
    });
    client.on('disconnect', (packet) => {
      this.lose(client, ...InFlight.blame(packet.reasonCode ?? 0));
    });
    client.on('error', (error) => {
      const code = 'code' in error ? Number(error.code) : 0;
      if (this.version === 5 && UNSUPPORTED_VERSION.includes(code)) this.downgrade(client);
      else this.lose(client, errorText(error), InFlight.blameOfError(error));
    });
    client.on('close', () => {
      const suspicion = this.version === 4 ? this.inFlight.suspicionOfClose() : 0;
      this.lose(client, 'the connection was closed', suspicion);
    });
  }

  /** Tries again at once with MQTT 3.1.1, and keeps to it. */
  private downgrade(client: MqttClient): void {
    if (this.client !== client) return;
    this.version = 4;
    this.client = undefined;
    this.phase = 'waiting';
    discard(client);
    this.open();
  }

  private newOptions(): ReturnType<typeof clientOptions> {
    const { config, device } = this.options;
    const topic = this.topics.path('status');
    const will = { topic, payload: Buffer.from('offline'), qos: 1, retain: true } as const;
    return clientOptions(config, device, this.version, will);
  }

  /** Commands first, then the state, and only then `online`: who sees it may rely on the rest. */
  private async greet(client: MqttClient, connack: IConnackPacket): Promise<void> {
    if (this.client !== client) return;
    this.phase = 'greeting';
    this.counts.connects += 1;
    this.inFlight.begin(connack.properties);
    this.timers.push(this.options.clock.every(1000, () => this.inFlight.checkAge()));
    try {
      const births = this.birth === undefined ? [] : [this.birth.topic];
      await client.subscribeAsync([...this.topics.subscriptions, ...births], { qos: 1 });
    } catch (error) {
      if (this.client !== client) return;
      this.log.warn({ cause: causeText(error) }, 'the broker refuses the command topics');
    }
    const transport = {
      send: async (topic: string, payload: string | Buffer, qos: Qos) => {
        const outcome = await this.send(client, topic, payload, qos, true);
        if (outcome.kind === 'refused') this.tellRefused(topic, outcome.cause);
        return outcome.kind !== 'away';
      },
    };
    await this.retained.attach(transport);
    if (this.client !== client) return;
    await this.send(client, this.topics.path('status'), 'online', 1, true);
    if (this.client !== client) return;
    this.phase = 'up';
    this.lastError = null;
    this.timers.push(this.options.clock.after(STABLE_MS, () => this.backoff.reset(), true));
    const { url } = this.options.config;
    this.log.info({ url, protocol: this.version === 5 ? '5.0' : '3.1.1' }, 'broker connected');
    this.events.emit('up');
    this.pictures.attach(transport);
  }

  private async send(
    client: MqttClient,
    topic: string,
    payload: string | Buffer,
    qos: Qos,
    isRetained: boolean,
  ): Promise<PublishOutcome> {
    const outcome = await this.inFlight.send(client, topic, payload, { qos, retain: isRetained });
    if (outcome.kind === 'done') this.counts.published += 1;
    return outcome;
  }

  private async receive(
    client: MqttClient,
    topic: string,
    payload: Buffer,
    isRetained: boolean,
  ): Promise<void> {
    this.counts.received += 1;
    if (topic === this.birth?.topic) {
      if (payload.toString() === 'online') this.birth.onBirth();
      return;
    }
    const parsed = this.topics.parse(topic);
    if (parsed?.name === 'command') {
      const { command } = parsed.fields;
      const response = await this.desk.answer(command ?? '', payload, isRetained);
      const answerTopic = this.topics.path('response', parsed.fields);
      if (this.client !== client) return;
      await this.send(client, answerTopic, JSON.stringify(response), 1, false);
    } else if (parsed?.name === 'cameraSet') {
      await this.switch(parsed.fields, payload.toString());
    } else this.log.warn({ topic }, 'message on an unknown topic ignored');
  }

  private async switch({ camera, key }: TopicFields, value: string): Promise<void> {
    try {
      if (camera === undefined || key === undefined || this.onSwitch === undefined) return;
      if (value !== 'ON' && value !== 'OFF') {
        throw new AgentError('COMMAND_REFUSED', { cause: 'a switch takes ON or OFF' });
      }
      await this.onSwitch(camera, key, value === 'ON');
    } catch (error) {
      this.log.warn({ camera, key, cause: causeText(error) }, 'switch refused');
    }
  }

  /** The end of one connection or attempt, for whatever reason; later ones for the same client do nothing. */
  private lose(client: MqttClient | undefined, cause: string, suspicion = 0): void {
    if (this.client !== client || this.phase === 'stopped' || this.phase === 'waiting') return;
    const wasUp = this.phase === 'up';
    this.client = undefined;
    this.phase = 'waiting';
    this.lastError = cause;
    this.cancelTimers();
    if (client !== undefined) discard(client);
    this.pictures.detach();
    this.retained.detach();
    this.inFlight.abandon(cause, suspicion);
    const isBlamed = suspicion >= PROOF;
    const delayMs = isBlamed ? BLAMED_RETRY_MS : this.backoff.nextMs();
    this.tell(wasUp, cause, delayMs);
    this.timers.push(this.options.clock.after(delayMs, () => this.open()));
    if (wasUp) this.events.emit('down', cause);
  }

  private tell(wasUp: boolean, cause: string, delayMs: number): void {
    const nowMs = this.options.clock.monotonicMs();
    if (!wasUp && nowMs - this.remindedMs < REMIND_MS) return;
    this.remindedMs = nowMs;
    const { config, device } = this.options;
    const { attempts } = this.backoff;
    const isFlapping = wasUp && attempts >= FLAPS;
    const hint = `does another client connect as ${clientId(config, device)}?`;
    const fields = { url: config.url, cause, attempts, retryMs: Math.round(delayMs) };
    const message = wasUp ? 'broker lost' : 'broker not connected';
    this.log.warn({ ...fields, ...(isFlapping && { hint }) }, message);
  }

  private tellRefused(topic: string, cause: string): void {
    this.counts.dropped += 1;
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - this.refusedToldMs < REMIND_MS) return;
    this.refusedToldMs = nowMs;
    this.log.warn({ topic, cause }, 'the broker refuses a retained message');
  }

  private async sayGoodbye(client: MqttClient): Promise<void> {
    const limit = new Promise<void>((resolve) => {
      this.options.clock.after(GOODBYE_MS, resolve);
    });
    const goodbye = async () => {
      await this.send(client, this.topics.path('status'), 'offline', 1, true);
      await client.endAsync();
    };
    await Promise.race([goodbye(), limit]);
    discard(client);
  }

  private cancelTimers(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers = [];
  }
}

/** mqtt.js may still report errors of a socket that nobody waits for. */
function discard(client: MqttClient): void {
  client.removeAllListeners();
  client.on('error', () => undefined);
  client.end(true);
}

/** Node gives refused connections to several addresses an empty message. */
function errorText(error: Error): string {
  if (error.message !== '') return error.message;
  return 'code' in error ? String(error.code) : error.name;
}
