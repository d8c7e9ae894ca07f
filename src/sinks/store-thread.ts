// Entry of the store thread: runs the database files' methods one after the other, away from the event loop.
import { parentPort } from 'node:worker_threads';
import { ArchiveFile } from './archive-file.ts';
import { OutboxFile } from './outbox-file.ts';
import type { StoreAnswer, StoreCall } from './store.ts';
import { codeOf } from './store-errors.ts';

type Methods = Record<string, (...args: unknown[]) => unknown>;

const files: Record<string, unknown> = { outbox: new OutboxFile(), archive: new ArchiveFile() };

parentPort?.on('message', (call: StoreCall) => parentPort?.postMessage(run(call)));

function run({ id, file, method, args }: StoreCall): StoreAnswer {
  try {
    const target = files[file] as Methods;
    return { id, value: target[method]?.(...args) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id, failure: { message, code: codeOf(error) } };
  }
}
