// The client's connection to a broker, as the kernel sees it.
import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { openClient } from '../../src/mqtt/client.ts';

afterEach(() => vi.restoreAllMocks());

it.each(['127.0.0.1', 'localhost'])('holds no message back on a connection to %s', async (host) => {
  const setNoDelay = vi.spyOn(Socket.prototype, 'setNoDelay');
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection');
  const client = openClient(`mqtt://${host}:${port}`, { reconnectPeriod: 0 });
  const [socket] = (await accepted) as [Socket];
  expect(setNoDelay.mock.contexts).toContain(client.stream);
  expect(setNoDelay).toHaveBeenCalledWith(true);
  client.end(true);
  socket.destroy();
  server.close();
});
