// The outbox file without its thread, for tests that step through every commit; with faults on demand.
import {
  type OutboxCommit,
  OutboxFile,
  type OutboxOpenOptions,
} from '../../src/sinks/outbox-file.ts';
import type { RemoteOutbox } from '../../src/sinks/store.ts';
import { withCode } from '../../src/sinks/store-errors.ts';

export interface FaultyOutbox extends RemoteOutbox {
  /** While set, every call fails with this SQLite code. */
  fault: string | undefined;
}

export function outboxInThread(file: OutboxFile = new OutboxFile()): FaultyOutbox {
  const remote: FaultyOutbox = {
    fault: undefined,
    open: async (options: OutboxOpenOptions) => guarded(() => file.open(options)),
    commit: async (commit: OutboxCommit) => guarded(() => file.commit(commit)),
    read: async (after: number, limit: number) => guarded(() => file.read(after, limit)),
    vacuum: async () => guarded(() => file.vacuum()),
    close: async () => file.close(),
  };
  function guarded<T>(work: () => T): T {
    if (remote.fault !== undefined) throw withCode('planted fault', remote.fault);
    return work();
  }
  return remote;
}
