// Sinks: stills and clips as files, each kind within a size; the oldest go first.
import { mkdir, open, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Sink, SinkHealth, SinkRecord } from '../contracts/sink.ts';
import type { Clock } from '../core/clock.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

export interface FileSinkDeps {
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

/** One kind of files. */
interface Kind {
  readonly name: string;
  readonly extension: '.jpg' | '.mp4';
  /** Files waiting for the disk; then the oldest of them are dropped. */
  readonly mostWaiting: number;
  fileOf(record: SinkRecord): NewFile | undefined;
}

interface NewFile {
  readonly path: string;
  readonly parts: readonly Uint8Array[];
}

/** About 12 MB may wait. */
const STILLS: Kind = {
  name: 'stills',
  extension: '.jpg',
  mostWaiting: 128,
  fileOf: (record) =>
    record.kind === 'still' ? { path: record.still.path, parts: [record.still.jpeg] } : undefined,
};

/** About 60 MB may wait. */
const CLIPS: Kind = {
  name: 'clips',
  extension: '.mp4',
  mostWaiting: 8,
  fileOf: (record) => (record.kind === 'clip' ? record.clip : undefined),
};

/** Over the limit, this share of it is freed at once. */
const FREE_SHARE = 0.02;
const TEMPORARY = '.part';
const SAFE_PATH = /^[\w-][\w.-]*(\/[\w-][\w.-]*){0,4}$/;

/** A file appears under its name complete or not at all, also after a power cut. */
export class FileSink implements Sink {
  readonly name: string;
  private readonly kind: Kind;
  private readonly deps: FileSinkDeps;
  private waiting: NewFile[] = [];
  private working: Promise<void> | undefined;
  /** Oldest first. */
  private kept: Kept[] = [];
  private bytes = 0;
  private delivered = 0;
  private dropped = 0;
  private failure: string | null = null;

  private constructor(kind: Kind, deps: FileSinkDeps) {
    this.name = kind.name;
    this.kind = kind;
    this.deps = deps;
  }

  static stills(deps: FileSinkDeps): FileSink {
    return new FileSink(STILLS, deps);
  }

  static clips(deps: FileSinkDeps): FileSink {
    return new FileSink(CLIPS, deps);
  }

  /** Takes stock of what is there. Throws STORE_UNAVAILABLE when the folder cannot be made. */
  async open(): Promise<void> {
    const { folder } = this.deps;
    try {
      await mkdir(folder, { recursive: true, mode: 0o750 });
      this.kept = await takeStock(folder, this.kind.extension);
    } catch (error) {
      throw new AgentError('STORE_UNAVAILABLE', { path: folder, cause: causeText(error) }, error);
    }
    this.kept.sort((a, b) => a.writtenMs - b.writtenMs);
    this.bytes = this.kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  write(records: readonly SinkRecord[]): void {
    for (const record of records) {
      const file = this.kind.fileOf(record);
      if (file !== undefined) this.waiting.push(file);
    }
    const excess = this.waiting.length - this.kind.mostWaiting;
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
    for (let file = this.waiting.shift(); file !== undefined; file = this.waiting.shift()) {
      try {
        await this.writeOne(file);
        this.delivered += 1;
        this.failure = null;
      } catch (error) {
        this.dropped += 1;
        this.failed(causeText(error));
      }
    }
  }

  private async writeOne({ path, parts }: NewFile): Promise<void> {
    const { extension, name } = this.kind;
    if (!SAFE_PATH.test(path) || !path.endsWith(extension)) {
      throw new Error(`${JSON.stringify(path)} is no path among ${name}`);
    }
    const bytes = parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (bytes > this.deps.maxBytes) throw new Error(`${path} alone is larger than all may be`);
    await this.makeRoom(bytes);
    const target = join(this.deps.folder, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o750 });
    await writeComplete(target, parts);
    this.kept.push({ path, bytes, writtenMs: this.deps.clock.wallMs() });
    this.bytes += bytes;
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
      this.deps.log.error({ folder: this.deps.folder, cause }, 'a file cannot be written');
    }
    this.failure = cause;
  }
}

async function writeComplete(target: string, parts: readonly Uint8Array[]): Promise<void> {
  const temporary = `${target}${TEMPORARY}`;
  try {
    const file = await open(temporary, 'w', 0o640);
    try {
      await writeFile(file, parts);
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
async function takeStock(folder: string, extension: string): Promise<Kept[]> {
  const kept: Kept[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const full = join(entry.parentPath, entry.name);
    if (entry.name.endsWith(TEMPORARY)) {
      await rm(full, { force: true });
    } else if (entry.name.endsWith(extension)) {
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
