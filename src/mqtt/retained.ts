// State that a newcomer must find on the broker: kept here, sent when it changed, sent again after every reconnect.
import type { Qos } from './topics.ts';

interface Retained {
  readonly payload: string | Buffer;
  readonly qos: Qos;
}

export interface RetainedTransport {
  /** Resolves when the packet is acknowledged (QoS 1) or handed to the network (QoS 0); false: the connection is gone. */
  send(topic: string, payload: string | Buffer, qos: Qos): Promise<boolean>;
}

/**
 * Newest value per topic. While the network is slower than the changes, values in between are
 * never sent, so memory stays at one value per topic. Sending one topic twice at once is avoided:
 * the order of its values is kept.
 */
export class RetainedState {
  private readonly maxInFlight: number;
  private readonly values = new Map<string, Retained>();
  private readonly unsent = new Set<string>();
  private readonly inFlight = new Set<string>();
  private transport: RetainedTransport | undefined;
  private idleWaiters: (() => void)[] = [];

  constructor(maxInFlight: number) {
    this.maxInFlight = maxInFlight;
  }

  /** An empty payload removes the topic from the broker, and from here once that is sent. */
  set(topic: string, payload: string | Buffer, qos: Qos): void {
    if (typeof payload === 'string' && this.values.get(topic)?.payload === payload) return;
    this.values.set(topic, { payload, qos });
    this.unsent.add(topic);
    this.pump();
  }

  get topics(): string[] {
    return [...this.values.keys()];
  }

  /** Sends everything over a new connection; resolves when nothing is left to send, or when it is detached. */
  async attach(transport: RetainedTransport): Promise<void> {
    this.transport = transport;
    this.inFlight.clear();
    this.resend();
    if (this.isIdle) return;
    await new Promise<void>((resolve) => this.idleWaiters.push(resolve));
  }

  resend(): void {
    for (const topic of this.values.keys()) this.unsent.add(topic);
    this.pump();
  }

  detach(): void {
    this.transport = undefined;
    this.release();
  }

  private get isIdle(): boolean {
    return this.unsent.size === 0 && this.inFlight.size === 0;
  }

  private pump(): void {
    const { transport } = this;
    if (transport === undefined) return;
    for (const topic of this.unsent) {
      if (this.inFlight.size >= this.maxInFlight) return;
      if (!this.inFlight.has(topic)) void this.send(transport, topic);
    }
    if (this.isIdle) this.release();
  }

  private async send(transport: RetainedTransport, topic: string): Promise<void> {
    const value = this.values.get(topic)!;
    this.unsent.delete(topic);
    this.inFlight.add(topic);
    const isSent = await transport.send(topic, value.payload, value.qos);
    if (transport !== this.transport) return;
    this.inFlight.delete(topic);
    if (!isSent) return;
    if (value.payload.length === 0 && this.values.get(topic) === value) this.values.delete(topic);
    this.pump();
  }

  private release(): void {
    const waiters = this.idleWaiters;
    this.idleWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
