// The same commands without a broker: a Unix socket in the storage folder, for people and scripts on this machine.
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CommandResponse } from '../contracts/command.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Service } from '../core/lifecycle.ts';
import type { Log } from '../core/log.ts';

export interface ControlSocketOptions {
  readonly path: string;
  readonly log: Log;
  answer(command: string, payload: Uint8Array): Promise<CommandResponse>;
}

/** One command a connection: a line `{"command": name, …}` in, a line with the answer out. */
const MAX_CONNECTIONS = 8;
const MAX_REQUEST_BYTES = 256 * 1024;
const ANSWER_LIMIT_MS = 30_000;
/** The kernel's `sockaddr_un` holds 107 bytes and a zero. */
const MAX_PATH_BYTES = 107;

/** Where the agent that keeps its data in `folder` listens. */
export function controlSocketIn(folder: string): string {
  return join(folder, 'control.sock');
}

/** Only the user that the agent runs as, and root, may connect. */
export class ControlSocket implements Service {
  readonly name = 'control socket';
  private readonly options: ControlSocketOptions;
  private readonly sockets = new Set<Socket>();
  private server: Server | undefined;

  constructor(options: ControlSocketOptions) {
    this.options = options;
  }

  /** A socket that nobody listens on any more is replaced; one that answers means that another agent runs here. */
  async start(): Promise<void> {
    const { path, log } = this.options;
    if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
      log.warn({ path }, 'no control socket: the path of the storage folder is too long for one');
      return;
    }
    if (await isAnswered(path)) throw new AgentError('ALREADY_RUNNING', { path });
    rmSync(path, { force: true });
    const server = createServer((socket) => this.serve(socket));
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(path, resolve);
    });
    chmodSync(path, 0o600);
    server.on('error', (error) => log.warn({ cause: error.message }, 'control socket'));
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy()).on('close', () => this.sockets.delete(socket));
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes > MAX_REQUEST_BYTES) socket.destroy();
    });
    createInterface({ input: socket })
      .on('error', () => socket.destroy())
      .once('line', async (line) => {
        const answer = await this.options.answer(commandIn(line), Buffer.from(line));
        socket.end(`${JSON.stringify(answer)}\n`);
      });
  }
}

/** Asks the agent that listens on `path`. Rejects with AGENT_UNREACHABLE when none does. */
export async function askAgent(
  path: string,
  request: Readonly<Record<string, unknown>> & { readonly command: string },
): Promise<CommandResponse> {
  const socket = connect(path);
  try {
    const line = await new Promise<string>((resolve, reject) => {
      socket.on('error', reject).on('close', () => reject(new Error('it closed the connection')));
      createInterface({ input: socket }).on('error', reject).once('line', resolve);
      socket.write(`${JSON.stringify(request)}\n`);
    });
    return JSON.parse(line) as CommandResponse;
  } catch (error) {
    throw new AgentError('AGENT_UNREACHABLE', { path, cause: causeText(error) });
  } finally {
    socket.destroy();
  }
}

/** The command desk reads the request itself and says what is wrong with it; here only its name is wanted. */
function commandIn(line: string): string {
  try {
    const { command } = JSON.parse(line) as { command?: unknown };
    return typeof command === 'string' ? command : '';
  } catch {
    return '';
  }
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
