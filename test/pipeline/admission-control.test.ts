// Admission joined to a configuration: what a start does, what a push may not do, and what is said of it.
import { describe, expect, it } from 'vitest';
import { requireValid } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema/config.ts';
import { validate } from '../../src/config/validate.ts';
import { createLog } from '../../src/core/log.ts';
import { AdmissionControl, capacityFile } from '../../src/pipeline/admission-control.ts';
import { temporaryFolder } from '../config/temporary.ts';
import { capacityOf, ON } from '../fakes/capacity.ts';

function configOf(count: number, extra: Record<string, object> = {}): Config {
  const cameras = Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`c${at}`, { url: `rtsp://h/${at}`, fps: 10 }]),
  );
  const text = JSON.stringify({ cameras: { ...cameras, ...extra } });
  return requireValid(validate(text, { name: 'test', environment: {} }), 'test').config;
}

function control(isMeasured = true) {
  const storage = temporaryFolder();
  const said: string[] = [];
  const log = createLog('info', { write: (line) => void said.push(line) });
  if (isMeasured) capacityFile(storage, log).keep(ON, capacityOf());
  const desk = new AdmissionControl(log);
  desk.read(storage, ON);
  return { desk, said };
}

describe('AdmissionControl', () => {
  it('admits everything, with a hint, where nothing was measured', () => {
    const { desk, said } = control(false);
    const config = configOf(200);
    expect(desk.settle(config, true)).toBe(config);
    expect(desk.verdict).toBeNull();
    expect(said.join()).toContain('`vedette bench --config FILE` measures it');
  });

  it('leaves what fits as it is', () => {
    const { desk } = control();
    const config = configOf(5, { off: { url: 'rtsp://h/off', enabled: false } });
    expect(desk.settle(config, false).cameras).toEqual(config.cameras);
    expect(desk.verdict?.verdict).toBe('fits');
  });

  it('lowers rates, also of idle cameras, and says so with numbers', () => {
    const { desk, said } = control();
    const settled = desk.settle(configOf(20, { still: { url: 'rtsp://h/s', idle_fps: 5 } }), false);
    expect(settled.cameras.c0?.fps).toBeLessThan(4);
    expect(settled.cameras.still?.idle_fps).toBe(settled.cameras.still?.fps);
    expect(said.at(-1)).toMatch(/"level":"warn".*analysed frames\/s: c0 10 → 3/);
  });

  it('a start leaves cameras out, and a push that adds one too many changes nothing', () => {
    const { desk, said } = control();
    const started = desk.settle(configOf(28), true);
    expect(Object.values(started.cameras).every(({ enabled }) => enabled)).toBe(true);
    const before = desk.verdict;
    expect(() => desk.settle(configOf(30), false)).toThrow(/no room for c29, c28/);
    expect(desk.verdict).toBe(before);
    const restarted = desk.settle(configOf(30), true);
    expect([restarted.cameras.c29?.enabled, restarted.cameras.c27?.enabled]).toEqual([false, true]);
    expect(said.at(-1)).toMatch(/"level":"error".*no room for c29, c28/);
    // What is refused already does not stand in the way of other changes, or of the way back.
    expect(desk.settle(configOf(30), false).cameras.c29?.enabled).toBe(false);
    expect(desk.settle(configOf(5), false).cameras.c4?.fps).toBe(10);
  });
});
