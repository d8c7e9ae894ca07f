// Sink: JPEG stills as files, within a size; the oldest go first.
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Sink, SinkHealth, SinkRecord, Still } from '../contracts/sink.ts';
import type { Clock } from '../core/clock.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

export interface StillsSinkDeps {
  readonly folder: string;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Kept {
  /** Relative to the folder. */
  readonly path: string;
  readonly bytes: number;
  readonly writtenMs: number;
}

/** Pictures waiting for the disk: about 12 MB. */
const MAX_WAITING = 128;
/** Over the limit, this share of it is freed at once. */
const FREE_SHARE = 0.02;
const TEMPORARY = '.part';
const SAFE_PATH = /^[\w-][\w.-]*(\/[\w-][\w.-]*){0,4}\.jpg$/;

/** A still appears under its name complete or not at all, also after a power cut. */
export class StillsSink implements Sink {
  readonly name = 'stills';
  private readonly deps: StillsSinkDeps;
  private waiting: Still[] = [];
  private working: Promise<void> | undefined;
  /** Oldest first. */
  private kept: Kept[] = [];
  private bytes = 0;
  private delivered = 0;
  private dropped = 0;
  private failure: string | null = null;

  constructor(deps: StillsSinkDeps) {
    this.deps = deps;
  }

  /** Takes stock of what is there. Throws STORE_UNAVAILABLE when the folder cannot be made. */
  async open(): Promise<void> {
    const { folder } = this.deps;
    try {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      this.kept = await takeStock(folder);
    } catch (error) {
      throw new AgentError('STORE_UNAVAILABLE', { path: folder, cause: causeText(error) }, error);
    }
    this.kept.sort((a, b) => a.writtenMs - b.writtenMs);
    this.bytes = this.kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  write(records: readonly SinkRecord[]): void {
    for (const record of records) if (record.kind === 'still') this.waiting.push(record.still);
    const excess = this.waiting.length - MAX_WAITING;
    if (excess > 0) {
      this.waiting.splice(0, excess);
      this.dropped += excess;
    }
    if (this.waiting.length > 0) void this.work();
  }

  async flush(limitMs: number): Promise<void> {
    if (this.working === undefined) return;
    const limit = new Promise<void>((resolve) => {
      this.deps.clock.after(limitMs, resolve, true);
    });
    await Promise.race([this.working, limit]);
  }

  async close(): Promise<void> {
    await this.working;
  }

  health(): SinkHealth {
    return {
      state: this.failure === null ? 'ok' : 'degraded',
      backlog: this.waiting.length,
      delivered: this.delivered,
      dropped: this.dropped,
      lastError: this.failure,
    };
  }

  /** Deletes what was written before `beforeMs` (wall clock); returns how many files. */
  async prune(beforeMs: number): Promise<number> {
    let count = 0;
    while (this.kept[0] !== undefined && this.kept[0].writtenMs < beforeMs) {
      await this.removeOldest();
      count += 1;
    }
    return count;
  }

  private work(): Promise<void> {
    this.working ??= this.writeAll().finally(() => {
      this.working = undefined;
    });
    return this.working;
  }

  private async writeAll(): Promise<void> {
    for (let still = this.waiting.shift(); still !== undefined; still = this.waiting.shift()) {
      try {
        await this.writeOne(still);
        this.delivered += 1;
        this.failure = null;
      } catch (error) {
        this.dropped += 1;
        this.failed(causeText(error));
      }
    }
  }

  private async writeOne({ path, jpeg }: Still): Promise<void> {
    if (!SAFE_PATH.test(path)) throw new Error(`${JSON.stringify(path)} is no path of a still`);
    await this.makeRoom(jpeg.byteLength);
    const target = join(this.deps.folder, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o750 });
    await writeComplete(target, jpeg);
    this.kept.push({ path, bytes: jpeg.byteLength, writtenMs: this.deps.clock.wallMs() });
    this.bytes += jpeg.byteLength;
  }

  private async makeRoom(bytes: number): Promise<void> {
    const { maxBytes } = this.deps;
    if (this.bytes + bytes <= maxBytes) return;
    const target = maxBytes * (1 - FREE_SHARE) - bytes;
    while (this.bytes > Math.max(0, target) && this.kept.length > 0) await this.removeOldest();
  }

  private async removeOldest(): Promise<void> {
    const oldest = this.kept.shift();
    if (oldest === undefined) return;
    this.bytes -= oldest.bytes;
    await rm(join(this.deps.folder, oldest.path), { force: true });
    await removeEmptyFolders(this.deps.folder, dirname(oldest.path));
  }

  private failed(cause: string): void {
    if (this.failure !== cause) {
      this.deps.log.error({ folder: this.deps.folder, cause }, 'a still cannot be written');
    }
    this.failure = cause;
  }
}

async function writeComplete(target: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${target}${TEMPORARY}`;
  try {
    const file = await open(temporary, 'w', 0o640);
    try {
      await file.writeFile(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Also removes what a crash left half written. */
async function takeStock(folder: string): Promise<Kept[]> {
  const kept: Kept[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath, entry.name);
    if (entry.name.endsWith(TEMPORARY)) {
      await rm(full, { force: true });
    } else if (entry.name.endsWith('.jpg')) {
      const { size, mtimeMs } = await stat(full);
      kept.push({ path: relative(folder, full), bytes: size, writtenMs: mtimeMs });
    }
  }
  return kept;
}

async function removeEmptyFolders(folder: string, below: string): Promise<void> {
  for (let path = below; path !== '.' && path !== '/'; path = dirname(path)) {
    try {
      await rmdir(join(folder, path));
    } catch {
      return;
    }
  }
}
