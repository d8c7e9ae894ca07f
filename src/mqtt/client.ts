// The client library, in a file of its own: loading it takes a fifth of a second, which the start of cameras need not wait for.
import { connect, type IClientOptions, type MqttClient } from 'mqtt';

/** Begins to connect; what comes of it, the client tells. */
export function openClient(url: string, options: IClientOptions): MqttClient {
  return connect(url, options);
}
