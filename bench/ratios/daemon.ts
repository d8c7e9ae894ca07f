// The installed daemon with a broker beside it, watched through what it publishes: one record for each analysed frame.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { childrenOf } from '../../src/hw/process-usage.ts';
import { Mosquitto } from '../../test/mqtt/mosquitto.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/bin/main.js');
const STOP_LIMIT_MS = 15_000;
/** Jiffies per second; 100 on every Linux that Vedette runs on. */
const TICKS = 100;
const MOST_WINDOWS = 3;
const LITTLE = 0.08;

/** An analysed frame as a subscriber saw it. */
export interface Result {
  readonly camera: string;
  /** From the capture time that the frame carries to its arrival here; both clocks are this machine's. */
  readonly ageMs: number;
  readonly atMs: number;
}

export interface Watched {
  readonly seconds: number;
  /** Share of the machine that processes of others took. */
  readonly others: number;
  readonly results: readonly Result[];
}

export interface DaemonOptions {
  /** Section `model` of the configuration. */
  readonly model: Readonly<Record<string, string>>;
  readonly cameras: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly runtime?: Readonly<Record<string, unknown>>;
  /** Kept over starts: the layout that was measured, the profile. */
  readonly storage: string;
}

export class BenchDaemon {
  private readonly folder: string;
  private readonly broker: Mosquitto;
  private readonly client: MqttClient;
  private readonly seen: Result[] = [];
  private child: ChildProcess | undefined;
  private said = '';

  private constructor(folder: string, broker: Mosquitto, client: MqttClient) {
    this.folder = folder;
    this.broker = broker;
    this.client = client;
    client.on('message', (topic, payload) => {
      const nowMs = Date.now();
      const { ts } = JSON.parse(payload.toString()) as { ts: string };
      const camera = topic.split('/').at(-2)!;
      this.seen.push({ camera, ageMs: nowMs - Date.parse(ts), atMs: performance.now() });
    });
  }

  /** A broker, and this process as its subscriber; no daemon yet. */
  static async prepare(): Promise<BenchDaemon> {
    const folder = mkdtempSync(join(tmpdir(), 'vedette-ratios-'));
    // By its default a message that follows another one within 40 ms waits for the end of them.
    const broker = await Mosquitto.start({ lines: ['set_tcp_nodelay true'] });
    const client = await connectAsync(broker.url);
    await client.subscribeAsync('vedette/+/cam/+/tracks');
    return new BenchDaemon(folder, broker, client);
  }

  /** Starts the daemon; its cameras come live in their own time. */
  start({ model, cameras, runtime, storage }: DaemonOptions): void {
    const config = {
      device: { name: 'bench' },
      ...(Object.keys(model).length > 0 && { model }),
      cameras,
      mqtt: { url: this.broker.url, publish_tracks: true },
      runtime: { provider: 'cpu', ...runtime },
      storage: { path: storage, stills: { enabled: false } },
    };
    const file = join(this.folder, 'config.yaml');
    writeFileSync(file, JSON.stringify(config));
    this.seen.length = 0;
    this.said = '';
    const env = { ...process.env, STATE_DIRECTORY: storage };
    const child = spawn(process.execPath, [MAIN, 'run', '--config', file], {
      ...{ env, stdio: ['ignore', 'ignore', 'pipe'] },
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.said = (this.said + text).slice(-4000);
    });
    this.child = child;
  }

  /** Resolves with the first result of the daemon that runs. */
  async first(limitMs = 30_000): Promise<Result> {
    await this.until(() => this.seen.length > 0, limitMs);
    return this.seen[0]!;
  }

  /** Resolves when each of so many cameras gave a result. */
  async allLive(cameras: number, limitMs = 90_000): Promise<void> {
    await this.until(() => new Set(this.seen.map(({ camera }) => camera)).size >= cameras, limitMs);
  }

  /** Resolves when half of the results of a second are younger than this; cameras that start together begin with a backlog. */
  async caughtUp(youngMs: number, limitMs = 20_000): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (performance.now() < endMs) {
      const { results } = await this.window(1000);
      const ages = results.map(({ ageMs }) => ageMs);
      if (quantile(ages, 0.5) <= youngMs) return;
    }
  }

  /** The first window in which others took little, or the one of `MOST_WINDOWS` in which they took least. */
  async watch(windowMs: number): Promise<Watched> {
    let best: Watched | undefined;
    for (let i = 0; i < MOST_WINDOWS && !((best?.others ?? 1) <= LITTLE); i++) {
      const watched = await this.window(windowMs);
      if (watched.others < (best?.others ?? Number.POSITIVE_INFINITY)) best = watched;
    }
    return best!;
  }

  private async window(windowMs: number): Promise<Watched> {
    this.seen.length = 0;
    const from = { busyMs: othersMs(), ms: performance.now() };
    await pause(windowMs);
    const tookMs = performance.now() - from.ms;
    const others = (othersMs() - from.busyMs) / tookMs / availableParallelism();
    return { seconds: tookMs / 1000, others, results: [...this.seen] };
  }

  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await gone;
    clearTimeout(late);
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.client.endAsync();
    await this.broker.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async until(isTrue: () => boolean, limitMs: number): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!isTrue()) {
      if (this.child?.exitCode !== null || performance.now() > endMs) {
        throw new Error(`the daemon gives no results: ${this.said}`);
      }
      await pause(2);
    }
  }
}

/** Processor time of everybody but this process and what it started. */
export function othersMs(): number {
  const [, ...all] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/);
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0, steal = 0] = all.map(Number);
  const own = family(process.pid).reduce((sum, pid) => sum + ticksOf(pid), 0);
  return ((user + nice + system + irq + soft + steal - own) * 1000) / TICKS;
}

/** Its own, and that of its children that ended. */
function ticksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  } catch {
    return 0;
  }
}

function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(family)];
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Of values in any order. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
