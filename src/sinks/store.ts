// The store thread, seen from the agent: the methods of the database files, answered by promises.
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ArchiveFile } from './archive-file.ts';
import type { OutboxFile } from './outbox-file.ts';
import { withCode } from './store-errors.ts';

export interface StoreCall {
  readonly id: number;
  readonly file: 'outbox' | 'archive';
  readonly method: string;
  readonly args: readonly unknown[];
}

export interface StoreAnswer {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: { readonly message: string; readonly code: string };
}

type Remote<File, Names extends keyof File> = {
  readonly [Name in Names]: File[Name] extends (...args: infer Args) => infer Value
    ? (...args: Args) => Promise<Value>
    : never;
};

export type RemoteOutbox = Remote<OutboxFile, 'open' | 'commit' | 'read' | 'vacuum' | 'close'>;
export type RemoteArchive = Remote<
  ArchiveFile,
  | 'open'
  | 'store'
  | 'events'
  | 'tracks'
  | 'cameras'
  | 'formerCameras'
  | 'forgetCameras'
  | 'prune'
  | 'close'
>;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One thread for both databases. A commit waits for the disk: 0.2 ms on an SSD, but 155 ms on a
 * disk that takes 150 ms to sync, as SD cards do under load; on the event loop that would hold up
 * every camera's tickets.
 *
 * Errors keep SQLite's `code`. A thread that dies fails its open calls; the next call starts
 * another, in which nothing is open yet.
 */
export class Store {
  readonly outbox: RemoteOutbox = this.remote('outbox', [
    'open',
    'commit',
    'read',
    'vacuum',
    'close',
  ]);
  readonly archive: RemoteArchive = this.remote('archive', [
    'open',
    'store',
    'events',
    'tracks',
    'cameras',
    'formerCameras',
    'forgetCameras',
    'prune',
    'close',
  ]);
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;
  private worker: Worker | undefined;

  /** Closes the files, then the thread. Calls that are open are still answered. */
  async close(): Promise<void> {
    if (this.worker === undefined) return;
    await Promise.allSettled([this.outbox.close(), this.archive.close()]);
    const { worker } = this;
    this.worker = undefined;
    await worker?.terminate();
  }

  private remote<R>(file: StoreCall['file'], names: readonly (keyof R & string)[]): R {
    const methods = names.map((method) => [
      method,
      (...args: unknown[]) => this.call({ file, method, args }),
    ]);
    return Object.fromEntries(methods) as R;
  }

  private call(call: Omit<StoreCall, 'id'>): Promise<unknown> {
    this.worker ??= this.start();
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker?.postMessage({ ...call, id } satisfies StoreCall);
    });
  }

  private start(): Worker {
    const worker = spawnThread();
    worker.on('message', (answer: StoreAnswer) => this.answer(answer));
    worker.on('error', (error) => this.lost(worker, error.message));
    worker.on('exit', () => this.lost(worker, 'the store thread ended'));
    return worker;
  }

  private answer({ id, value, failure }: StoreAnswer): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (failure === undefined) waiting?.resolve(value);
    else waiting?.reject(withCode(failure.message, failure.code));
  }

  private lost(worker: Worker, cause: string): void {
    if (this.worker === worker) this.worker = undefined;
    for (const [, { reject }] of this.waiting) reject(withCode(cause, 'VEDETTE_THREAD'));
    this.waiting.clear();
  }
}

/** From the sources, where Node cannot read TypeScript by itself, tsx is loaded first. */
function spawnThread(): Worker {
  const extension = extname(import.meta.url);
  const entry = new URL(`./store-thread${extension}`, import.meta.url);
  if (extension !== '.ts') return new Worker(entry, { name: 'vedette-store' });
  const installed = createRequire(import.meta.url).resolve('tsx/package.json');
  const tsx = new URL('dist/esm/api/index.mjs', pathToFileURL(installed)).href;
  const script = `import('${tsx}').then((tsx) => { tsx.register(); return import('${entry.href}'); })`;
  return new Worker(script, { eval: true, name: 'vedette-store' });
}
