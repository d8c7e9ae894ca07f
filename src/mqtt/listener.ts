// A second MQTT client that only counts: proof that messages arrive, not only that they were sent.
import { connect } from 'mqtt';

export interface Listener {
  /** Messages received so far. */
  count(): number;
  stop(): Promise<void>;
}

/** Resolves when the broker has taken the subscription. */
export async function listenTo(url: string, topic: string): Promise<Listener> {
  let received = 0;
  const client = connect(url, { reconnectPeriod: 1000 });
  client.on('message', () => {
    received += 1;
  });
  client.on('error', () => undefined);
  await new Promise<void>((settled) => client.subscribe(topic, { qos: 1 }, () => settled()));
  return { count: () => received, stop: () => client.endAsync(true) };
}
