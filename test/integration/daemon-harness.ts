// The real daemon in a folder of its own: configuration written, process started, log and exit observed.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { shared } from '../shared.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export class Daemon {
  readonly dir: string;
  readonly log: LogLine[] = [];
  /** What it wrote that was no log line. */
  readonly noise: string[] = [];
  private child: ChildProcess | undefined;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** A folder with the test's detector and `config` (device and storage are added). */
  static prepare(config: Record<string, unknown>): Daemon {
    const dir = mkdtempSync(join(tmpdir(), 'vedette-daemon-'));
    const model = join(dir, 'yolox.onnx');
    copyFileSync(shared('models', 'yolox_nano_416_dynbatch.onnx'), model);
    const manifest = readFileSync(
      resolve(import.meta.dirname, '../fixtures/models/yolox-nano.yaml'),
      'utf8',
    );
    writeFileSync(
      join(dir, 'yolox.yaml'),
      manifest.replace('yolox_nano_416_dynbatch.onnx', 'yolox.onnx'),
    );
    const daemon = new Daemon(dir);
    daemon.write({
      device: { name: 'box' },
      model: { path: model },
      ...config,
      storage: { path: dir, ...(config.storage as object | undefined) },
    });
    return daemon;
  }

  write(config: Record<string, unknown>): void {
    writeFileSync(join(this.dir, 'config.yaml'), JSON.stringify(config, null, 2));
  }

  start(environment: Record<string, string> = {}): void {
    const args = ['--import', 'tsx', MAIN, 'run', '--config', join(this.dir, 'config.yaml')];
    const env = { ...process.env, STATE_DIRECTORY: this.dir, ...environment };
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let rest = '';
    this.child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.take(line);
    });
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  /** Cameras may be live before the model is there; commands are taken when it is. */
  get takesCommands(): boolean {
    return existsSync(join(this.dir, 'control.sock'));
  }

  said(msg: string, fields: Record<string, unknown> = {}): LogLine[] {
    return this.log.filter(
      (line) =>
        line.msg === msg && Object.entries(fields).every(([key, value]) => line[key] === value),
    );
  }

  /** Sends the signal and resolves with exit status, or the signal's name, and the milliseconds it took. */
  async end(
    signal: NodeJS.Signals = 'SIGTERM',
  ): Promise<{ status: number | string; tookMs: number }> {
    const { child } = this;
    const startMs = performance.now();
    if (child === undefined || !this.isRunning) return { status: child?.exitCode ?? -1, tookMs: 0 };
    const gone = once(child, 'exit');
    child.kill(signal);
    const [code, killedBy] = await gone;
    return { status: code ?? killedBy, tookMs: performance.now() - startMs };
  }

  /** Camera processes of this daemon that are alive, by their title. */
  cameraPids(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => parentOf(pid) === this.pid && isCamera(pid));
  }

  async dispose(): Promise<void> {
    await this.end('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }

  private take(line: string): void {
    try {
      this.log.push(JSON.parse(line));
    } catch {
      this.noise.push(line);
    }
  }
}

/** Node under tsx has another child, the compiler. */
function isCamera(pid: number): boolean {
  try {
    return /vedette: camera|camera-process/.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return false;
  }
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return -1;
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
