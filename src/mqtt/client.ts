// The client library, in a file of its own: loading it takes a fifth of a second, which the start of cameras need not wait for.
import { Socket } from 'node:net';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { writeToStream } from 'mqtt-packet';

// By default a buffer for each number of two bytes is made before the first packet: 25 ms and 7 MB for what few packets need.
writeToStream.cacheNumbers = false;

/**
 * Begins to connect; what comes of it, the client tells.
 *
 * A message goes out at once: by default the kernel holds one back while the one before is not acknowledged, which a broker
 * that has nothing to answer puts off for 40 ms.
 */
export function openClient(url: string, options: IClientOptions): MqttClient {
  const client = connect(url, options);
  // A websocket sees to it itself.
  if (client.stream instanceof Socket) client.stream.setNoDelay(true);
  return client;
}
