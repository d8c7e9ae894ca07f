// A real Mosquitto on a port of its own, and its command-line clients as independent witnesses.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SERVER = '/usr/sbin/mosquitto';
export const hasMosquitto: boolean = existsSync(SERVER) && existsSync('/usr/bin/mosquitto_sub');

export interface MosquittoOptions {
  readonly user?: { readonly name: string; readonly password: string };
  /** Further lines of mosquitto.conf; `{dir}` becomes the broker's folder. */
  readonly lines?: readonly string[];
  /** Called with the folder before the broker starts, to put files there. */
  readonly prepare?: (dir: string) => void;
}

export interface Heard {
  readonly topic: string;
  readonly payload: string;
  readonly isRetained: boolean;
}

export class Mosquitto {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'vedette-mosquitto-'));
  readonly port: number;
  private readonly options: MosquittoOptions;
  private child: ChildProcess | undefined;
  private watchers: ChildProcess[] = [];

  private constructor(port: number, options: MosquittoOptions) {
    this.port = port;
    this.options = options;
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const broker = new Mosquitto(await freePort(), options);
    options.prepare?.(broker.dir);
    const { user, lines = [] } = options;
    const access = user
      ? [`password_file ${join(broker.dir, 'passwords')}`]
      : ['allow_anonymous true'];
    if (user) {
      const file = join(broker.dir, 'passwords');
      execFileSync('mosquitto_passwd', ['-c', '-b', file, user.name, user.password]);
    }
    const conf = [
      `listener ${broker.port} 127.0.0.1`,
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      ...access,
      ...lines.map((line) => line.replaceAll('{dir}', broker.dir)),
    ];
    writeFileSync(join(broker.dir, 'mosquitto.conf'), `${conf.join('\n')}\n`);
    await broker.up();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async up(): Promise<void> {
    const conf = join(this.dir, 'mosquitto.conf');
    this.child = spawn(SERVER, ['-c', conf], { stdio: 'ignore' });
    for (let i = 0; i < 2400; i++) {
      if (await accepts(this.port)) return;
      await pause(25);
    }
    throw new Error('mosquitto does not start');
  }

  /** SIGKILL by default: nothing is said goodbye to. */
  async down(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  /** Everything an independent client hears from now on, retained messages first; with a `session` also what came while it was cut off. */
  async listen(filter: string, session?: string): Promise<Heard[]> {
    const heard: Heard[] = [];
    const format = '%r\t%t\t%p';
    const args = [
      '-v',
      '-t',
      filter,
      '-q',
      '1',
      '-F',
      format,
      ...this.clientArgs(),
      ...(session === undefined ? [] : ['-c', '-i', session]),
      '-t',
      'probe/#',
    ];
    const child = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.watchers.push(child);
    let rest = '';
    let isReady = false;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [retained, topic, ...payload] = line.split('\t');
        if (topic === 'probe/ready') isReady = true;
        else
          heard.push({
            topic: topic ?? '',
            payload: payload.join('\t'),
            isRetained: retained === '1',
          });
      }
    });
    for (let i = 0; i < 1000 && !isReady; i++) {
      this.send('probe/ready', 'x');
      await pause(30);
    }
    if (!isReady) throw new Error('mosquitto_sub hears nothing');
    return heard;
  }

  send(topic: string, payload: string, ...more: string[]): void {
    execFileSync('mosquitto_pub', [
      ...this.clientArgs(),
      '-t',
      topic,
      '-m',
      payload,
      '-q',
      '1',
      ...more,
    ]);
  }

  async stop(): Promise<void> {
    for (const child of this.watchers) child.kill('SIGKILL');
    await this.down();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private clientArgs(): string[] {
    const { user } = this.options;
    const login = user ? ['-u', user.name, '-P', user.password] : [];
    return ['-h', '127.0.0.1', '-p', String(this.port), ...login];
  }
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** Resolves as soon as `isTrue`; rejects with `what` after a minute (a limit, not an expectation). */
export async function until(what: string, isTrue: () => boolean, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await pause(10);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectSocket(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
