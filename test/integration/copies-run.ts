// Started by copies.test.ts with a probe preloaded: one camera through the whole path, and what was copied for its frames.
//
// copies-run.ts CLIP FOLDER FRAMES: FOLDER is where the probe keeps its rows. Prints one JSON line.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from '../../src/agent.ts';
import { benchConfig } from '../../src/bench/path.ts';
import { resolveModel } from '../../src/cli/installed-models.ts';
import { requireValid } from '../../src/config/load.ts';
import { validate } from '../../src/config/validate.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { until } from '../mqtt/mosquitto.ts';
import { difference, type Measured, type Rows, readRows } from './copies.ts';

const [clip = '', folder = '', frames = ''] = process.argv.slice(2);
/** Pools are filled, tables built, the model's buffers in place. */
const WARM_FRAMES = 60;

const runtime = requireValid(
  validate('cameras: { c: /dev/null }\nruntime: { provider: cpu }', {
    name: 'copies',
    environment: {},
  }),
  'copies',
).config.runtime;
const layout = { sessions: 1, threads: 1, batch: 1 };
const agent = new Agent({
  config: benchConfig({ clip, cameras: 1, fps: undefined, folder, runtime, layout }),
  manifest: resolveModel({}),
  sinks: {
    name: 'nowhere',
    start: async () => {},
    stop: async () => {},
    write() {},
    health: () => ({}),
  },
  cameraEnvironment: process.env,
  ...{ clock: systemClock, log: createLog('error') },
});

function look(): { inferred: number; decoded: number; printed: number; rows: Map<string, Rows> } {
  const [camera] = [...agent.metrics.cameras.values()];
  const pids = readdirSync(folder).filter((name) => /^\d+$/.test(name));
  return {
    inferred: camera?.inferredFrames ?? 0,
    decoded: camera?.decodedFrames ?? 0,
    printed: camera?.printedBytes ?? 0,
    rows: new Map(pids.map((pid) => [pid, readRows(readFileSync(join(folder, pid)))])),
  };
}

await agent.start();
await until('warm', () => look().inferred >= WARM_FRAMES, 60_000);
const before = look();
await until('measured', () => look().inferred >= before.inferred + Number(frames), 60_000);
const after = look();
await agent.stop();
const measured: Measured = {
  inferred: after.inferred - before.inferred,
  decoded: after.decoded - before.decoded,
  printedBytes: after.printed - before.printed,
  agent: difference(after.rows.get(String(process.pid)), before.rows.get(String(process.pid))),
  camera: Object.fromEntries(
    [...after.rows]
      .filter(([pid]) => pid !== String(process.pid) && before.rows.has(pid))
      .flatMap(([pid, rows]) => Object.entries(difference(rows, before.rows.get(pid)))),
  ),
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
