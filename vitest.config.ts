// Two projects: `unit` runs in parallel and needs nothing built; `integration` starts processes (brokers, cameras, agents,
// sessions of the native part) and runs one file at a time, so that they do not starve each other.
import { defineConfig } from 'vitest/config';

const STARTS_PROCESSES = [
  'test/integration/**/*.test.ts',
  'test/native/**/*.test.ts',
  'test/hw/probe.test.ts',
  'test/pipeline/camera-streams.test.ts',
  'test/pipeline/supervisor.test.ts',
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: STARTS_PROCESSES,
          // They mock no module and change nothing of the process, so a worker need not begin anew for each file.
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: STARTS_PROCESSES,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
