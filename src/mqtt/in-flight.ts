// Messages between hand-over and acknowledgement: what became of each, and what a lost connection says about them.
import type { IConnackPacket, MqttClient } from 'mqtt';
import type { Clock } from '../core/clock.ts';
import type { Qos } from './topics.ts';

/**
 * `refused`: the broker will never take this message. `away`: the connection went before the
 * acknowledgement came; `suspicion` (0..1) is how much the oldest unacknowledged message is to
 * blame for that. Enough suspicion over several connections makes it a poison message.
 */
export type PublishOutcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly cause: string }
  | { readonly kind: 'away'; readonly cause: string; readonly suspicion: number };

interface Waiting {
  /** Infinite until it is handed to mqtt.js. */
  sinceMs: number;
  readonly bytes: number;
  readonly qos: Qos;
  readonly settle: (outcome: PublishOutcome) => void;
}

/** DISCONNECT reasons that speak about a packet of ours (MQTT 5 §3.14.2.1), and PUBACK ones that may pass (§3.4.2.1). */
const BLAMES_A_PACKET = new Set([0x81, 0x82, 0x90, 0x95, 0x99, 0x9a, 0x9b]);
const MAY_PASS = new Set([0x83, 0x97]);
const SESSION_TAKEN_OVER = 0x8e;
/** MQTT 3.1.1 brokers close without a word: weak evidence, and only right after a message. */
const SILENT_CLOSE_MS = 2000;
const SILENT_CLOSE_SUSPICION = 0.2;
const BLAME_SUSPICION = 0.5;
const HEADER_BYTES = 32;
/** A slow line is not a dead broker: what is under way may take this long on top. */
const SLOW_LINE_BYTES_PER_MS = 10;
/** For brokers that announce nothing: what Mosquitto and EMQX allow by default is 20 and 32. */
const DEFAULT_WINDOW = 20;
const MAX_WINDOW = 100;

export class InFlight {
  private readonly clock: Clock;
  private readonly ackTimeoutMs: number;
  private readonly onSilence: (cause: string) => void;
  private readonly waiting = new Set<Waiting>();
  private readonly queued: (() => void)[] = [];
  private unacknowledged = 0;
  private receiveMaximum = DEFAULT_WINDOW;
  private maximumPacketSize = Number.POSITIVE_INFINITY;
  private isOpen = false;
  private lastSentMs = Number.NEGATIVE_INFINITY;
  unsentBytes = 0;

  constructor(clock: Clock, ackTimeoutMs: number, onSilence: (cause: string) => void) {
    this.clock = clock;
    this.ackTimeoutMs = ackTimeoutMs;
    this.onSilence = onSilence;
  }

  /** What the reason of a DISCONNECT means: text, and suspicion against the oldest message. */
  static blame(reasonCode: number): [cause: string, suspicion: number] {
    const code = `0x${reasonCode.toString(16)}`;
    if (reasonCode === SESSION_TAKEN_OVER) {
      return ['another client connected with the same client id', 0];
    }
    const suspicion = BLAMES_A_PACKET.has(reasonCode) ? BLAME_SUSPICION : 0;
    return [`the broker disconnected (reason ${code})`, suspicion];
  }

  /** An acknowledgement that mqtt.js cannot read, as Mosquitto 2.0 sends for what exceeds its message_size_limit. */
  static blameOfError(error: Error): number {
    return /^Invalid puback/.test(error.message) ? BLAME_SUSPICION : 0;
  }

  begin(properties: IConnackPacket['properties']): void {
    this.isOpen = true;
    this.maximumPacketSize = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    this.receiveMaximum = Math.min(MAX_WINDOW, properties?.receiveMaximum ?? DEFAULT_WINDOW);
    this.lastSentMs = Number.NEGATIVE_INFINITY;
  }

  /** Never more unacknowledged messages at once than the broker announced; the others wait here. */
  send(
    client: MqttClient,
    topic: string,
    payload: string | Buffer,
    how: { qos: Qos; retain: boolean },
  ): Promise<PublishOutcome> {
    if (!this.isOpen)
      return Promise.resolve({ kind: 'away', cause: 'not connected', suspicion: 0 });
    const bytes = Buffer.byteLength(payload) + topic.length + HEADER_BYTES;
    if (bytes > this.maximumPacketSize) {
      const cause = `${bytes} bytes, the broker takes ${this.maximumPacketSize}`;
      return Promise.resolve({ kind: 'refused', cause });
    }
    return new Promise((settle) => {
      const entry: Waiting = { sinceMs: Number.POSITIVE_INFINITY, bytes, qos: how.qos, settle };
      this.waiting.add(entry);
      this.unsentBytes += bytes;
      const go = () => this.hand(client, topic, payload, how, entry);
      if (how.qos === 1 && this.unacknowledged >= this.receiveMaximum) this.queued.push(go);
      else go();
    });
  }

  /** Call every second or so. */
  checkAge(): void {
    const nowMs = this.clock.monotonicMs();
    const [oldest] = this.waiting;
    const patienceMs = this.ackTimeoutMs + this.unsentBytes / SLOW_LINE_BYTES_PER_MS;
    if (oldest === undefined || nowMs - oldest.sinceMs <= patienceMs) return;
    this.onSilence(`no acknowledgement for ${Math.round(patienceMs / 1000)} s`);
  }

  suspicionOfClose(): number {
    const isFresh = this.clock.monotonicMs() - this.lastSentMs < SILENT_CLOSE_MS;
    const isAcknowledged = [...this.waiting].every((entry) => entry.qos === 0);
    return isFresh && !isAcknowledged ? SILENT_CLOSE_SUSPICION : 0;
  }

  /** Settles everything as `away`, in the order in which it was sent. */
  abandon(cause: string, suspicion: number): void {
    this.isOpen = false;
    this.queued.length = 0;
    for (const entry of [...this.waiting]) {
      if (this.take(entry)) entry.settle({ kind: 'away', cause, suspicion });
    }
  }

  private hand(
    client: MqttClient,
    topic: string,
    payload: string | Buffer,
    how: { qos: Qos; retain: boolean },
    entry: Waiting,
  ): void {
    this.lastSentMs = this.clock.monotonicMs();
    entry.sinceMs = this.lastSentMs;
    this.unacknowledged += how.qos;
    client.publish(topic, payload, how, (error) => {
      const outcome = outcomeOf(error);
      if (outcome !== undefined && this.take(entry)) entry.settle(outcome);
    });
  }

  private take(entry: Waiting): boolean {
    if (!this.waiting.delete(entry)) return false;
    this.unsentBytes -= entry.bytes;
    if (entry.sinceMs !== Number.POSITIVE_INFINITY) this.unacknowledged -= entry.qos;
    if (this.unacknowledged < this.receiveMaximum) this.queued.shift()?.();
    return true;
  }
}

/** Undefined when the connection broke: `abandon` follows, and knows why. */
function outcomeOf(error: Error | undefined | null): PublishOutcome | undefined {
  if (error === undefined || error === null) return { kind: 'done' };
  const reason = 'code' in error ? Number(error.code) : 0;
  if (!(reason >= 0x80)) return undefined;
  if (MAY_PASS.has(reason)) return { kind: 'away', cause: error.message, suspicion: 0 };
  return { kind: 'refused', cause: error.message };
}
