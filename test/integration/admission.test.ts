// Admission in a running agent: a start with a camera too many, and a pushed configuration that would add one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Agent } from '../../src/agent.ts';
import { resolveModel } from '../../src/cli/installed-models.ts';
import { planChange } from '../../src/config/diff.ts';
import { requireValid } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema/config.ts';
import { validate } from '../../src/config/validate.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { fingerprintOf } from '../../src/infer/fingerprint.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';
import { describeRuntime } from '../../src/native/session.ts';
import { capacityFile } from '../../src/pipeline/admission-control.ts';
import { capacityOf } from '../fakes/capacity.ts';

const log = createLog('silent');
const manifest = resolveModel({});

function configOf(storage: string, cameras: Record<string, object>): Config {
  const all = Object.entries(cameras).map(([id, camera]) => [
    id,
    { url: `rtsp://127.0.0.1:9/${id}`, ...camera },
  ]);
  const text = JSON.stringify({
    cameras: Object.fromEntries(all),
    runtime: { provider: 'cpu', sessions: 1, threads: 1 },
    storage: { path: storage },
  });
  return requireValid(validate(text, { name: 'test', environment: {} }), 'test').config;
}

/** On a machine that carries two streams at their floor, and one at any rate. */
async function agentFor(cameras: Record<string, object>) {
  const storage = mkdtempSync(join(tmpdir(), 'vedette-admission-'));
  const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
  const on = fingerprintOf(manifest, { library, ...describeRuntime(library) }, 'cpu');
  const perStream = 0.4 * 1000 * on.cores;
  const profile = capacityOf({ decode_cpu_ms: perStream / 25, inference_fps: 1e6 });
  capacityFile(storage, log).keep(on, profile);
  const config = configOf(storage, cameras);
  const agent = new Agent({
    ...{ config, manifest, log, clock: systemClock },
    sinks: {
      name: 'nowhere',
      start: async () => undefined,
      stop: async () => undefined,
      write: () => undefined,
      health: () => ({}),
    },
    runtimeLibrary: process.env.VEDETTE_ORT,
    cameraEnvironment: process.env,
  });
  onTestFinished(async () => {
    await agent.stop();
    rmSync(storage, { recursive: true, force: true });
  });
  await agent.start();
  return { agent, config, storage };
}

const statesOf = (agent: Agent) =>
  Object.fromEntries(agent.cameraStatuses().map(({ camera, state }) => [camera, state]));

it('a start leaves out the least important camera, and goes on', async () => {
  const { agent } = await agentFor({ yard: { priority: 0.5 }, gate: { priority: 2 }, door: {} });
  expect(statesOf(agent)).toMatchObject({
    yard: 'disabled',
    gate: 'connecting',
    door: 'connecting',
  });
  expect(agent.health().admission).toMatchObject({ verdict: 'refused', refused: ['yard'] });
});

it('a push that adds a camera too many is refused and changes nothing', async () => {
  const { agent, config, storage } = await agentFor({ gate: {}, door: {} });
  const wanted = configOf(storage, { gate: { fps: 1 }, door: {}, yard: {} });
  await expect(agent.apply(planChange(config, wanted), wanted)).rejects.toMatchObject({
    code: 'COMMAND_REFUSED',
    message: expect.stringMatching(/^3 cameras ask for 12\d % .*no room for yard, even at min_fps/),
  });
  expect(Object.keys(statesOf(agent))).toEqual(['gate', 'door']);
  // The way back, as the remote configuration takes it, is open.
  await agent.apply(planChange(wanted, config), config);
  const fewer = configOf(storage, { gate: {}, yard: {} });
  await agent.apply(planChange(config, fewer), fewer);
  expect(Object.keys(statesOf(agent))).toEqual(['gate', 'yard']);
});
