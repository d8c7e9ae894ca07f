// An MQTT broker inside the agent, for a machine without one: MQTT 3.1.1 only, nothing kept on disk.
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

export interface BuiltInBroker {
  readonly url: string;
  /** Disconnects everybody and frees the port. */
  stop(): Promise<void>;
}

export interface BrokerOptions {
  /** It asks nobody for a password, so it listens on loopback unless told otherwise. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
  readonly log: Log;
}

/** Rejects with BROKER_UNREACHABLE when it cannot listen. */
export async function startBroker(options: BrokerOptions): Promise<BuiltInBroker> {
  const { host = '127.0.0.1', port = 0, log } = options;
  const aedes = await Aedes.createBroker({ connectTimeout: 5_000, concurrency: 1000 });
  aedes.on('clientError', (client, error) => {
    log.debug({ client: client.id, cause: error.message }, 'broker client failed');
  });
  aedes.on('connectionError', (_client, error) => {
    log.debug({ cause: error.message }, 'broker connection failed');
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
    aedes.handle(socket);
  });
  try {
    await listen(server, host, port);
  } catch (error) {
    aedes.close();
    const url = `mqtt://${host}:${port}`;
    throw new AgentError('BROKER_UNREACHABLE', { url, cause: causeText(error) }, error);
  }
  const url = `mqtt://${urlHost(host)}:${portOf(server)}`;
  log.info({ url }, 'built-in broker listens');
  return {
    url,
    async stop() {
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
