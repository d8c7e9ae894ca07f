// From boxes to records: zones, lines and rules on the path that live cameras and replay share.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { validate } from '../../src/config/validate.ts';
import type { EventRecord } from '../../src/contracts/event.ts';
import type { SinkRecord } from '../../src/contracts/sink.ts';
import { createLog } from '../../src/core/log.ts';
import { CounterFile } from '../../src/pipeline/counter-file.ts';
import { Interpreter } from '../../src/pipeline/interpret.ts';
import { Metrics } from '../../src/pipeline/metrics.ts';
import { PublishStage } from '../../src/pipeline/publish.ts';
import { scenesOf } from '../../src/pipeline/scene-plan.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import { DEFAULT_TRACKING } from '../../src/track/tracking-config.ts';
import { FakeClock } from '../fakes/fake-clock.ts';
import { frameOf } from '../fakes/frames.ts';

const YAML = `
cameras:
  front: { url: rtsp://10.0.0.5/main, masks: [[[0, 0], [1, 0], [1, 0.2], [0, 0.2]]] }
zones:
  hall: { camera: front, polygon: [[0.3, 0], [0.7, 0], [0.7, 1], [0.3, 1]] }
lines:
  door: { camera: front, points: [[0.5, 1], [0.5, 0]] }
rules:
  arrived:
    when: { all: [{ event: line_cross, line: door, direction: in }, { label: person, zone: hall }] }
    then: { event: somebody_arrived, severity: info, alerts: [] }
`;

function start(yaml = YAML) {
  const { config, problems } = validate(yaml, { name: 'test', environment: {} });
  expect(problems).toEqual([]);
  const records: SinkRecord[] = [];
  let ids = 0;
  const publish = new PublishStage({
    device: 'test',
    model: { name: 'none', sha256: '' },
    clock: new FakeClock(),
    metrics: new Metrics(),
    idFor: () => `event-${++ids}`,
    snapshots: undefined,
    write: (written) => records.push(...written),
  });
  const interpreter = new Interpreter({
    publish,
    createTracker: () => createTracker(DEFAULT_TRACKING, { idFor: () => `track-${++ids}` }),
    stills: undefined,
  });
  interpreter.scene.setScenes(scenesOf(config!));
  const events = (): EventRecord[] =>
    records.flatMap((record) => (record.kind === 'event' ? [record.event] : []));
  return { interpreter, events, records };
}

/** Somebody walks from left to right, with feet at `y`, and is gone. */
function walkThrough(interpreter: Interpreter, y: number, session = 's1'): void {
  for (let i = 0; i < 100; i++) {
    const x = 0.1 + i * 0.008;
    const detections = [
      { box: [x - 0.05, y - 0.3, 0.1, 0.3] as const, score: 0.9, label: 'person' },
    ];
    interpreter.push({ frame: frameOf('front', i + 1, { session }), detections, inferredMs: 0 });
  }
}

describe('interpreter', () => {
  test('one walk: new, enter, cross, rule, exit, end, in this order, with zones and reasons', () => {
    const { interpreter, events } = start();
    walkThrough(interpreter, 0.8);
    interpreter.finishAll();
    const told = events().filter((event) => event.event_type !== 'object_update');
    expect(told.map((event) => event.event_type)).toEqual([
      'object_new',
      'zone_enter',
      'line_cross',
      'rule',
      'zone_exit',
      'object_end',
    ]);
    expect(new Set(told.map((event) => event.object_id)).size).toBe(1);
    const rule = told[3]!;
    expect(rule.zones).toEqual(['hall']);
    expect(rule.data).toMatchObject({
      rule: 'arrived',
      event: 'somebody_arrived',
      why: [{ condition: 'line_cross door in' }, { condition: '>= 1 person in hall' }],
    });
    expect(told[2]!.data).toEqual({ line: 'door', direction: 'in' });
  });

  test('who is sure at the first look is shown at once; nothing is told of one picture', () => {
    const { interpreter, records } = start();
    const seen = [{ box: [0.45, 0.5, 0.1, 0.3] as const, score: 0.95, label: 'person' }];
    const told = (detections: typeof seen, i: number) => {
      records.length = 0;
      interpreter.push({ frame: frameOf('front', i), detections, inferredMs: 0 });
      return records.map((one) => (one.kind === 'tracks' ? one.tracks.tracks : one.kind));
    };
    const shown = { phase: 'tentative', isSure: true, trackId: 0 };
    expect(told(seen, 1)).toMatchObject([[shown]]);
    expect(told([], 2)).toEqual([[]]);
    interpreter.finishAll();
    expect(told(seen, 3)).toMatchObject([[shown]]);
    expect(told(seen, 4)).toContain('event');
  });

  test('what stands in a mask is not followed', () => {
    const { interpreter, events } = start();
    walkThrough(interpreter, 0.15);
    interpreter.finishAll();
    expect(events()).toEqual([]);
  });

  test('while nothing is asked for nothing is kept: who passed a line meanwhile did not cross it', () => {
    const { interpreter, events } = start();
    const scenes = scenesOf(validate(YAML, { name: 'test', environment: {} }).config!);
    const step = (i: number, x: number) => {
      const box = [x - 0.05, 0.5, 0.1, 0.3] as const;
      const detections = [{ box, score: 0.9, label: 'person' }];
      interpreter.push({ frame: frameOf('front', i), detections, inferredMs: 0 });
    };
    for (let i = 1; i <= 30; i++) step(i, 0.45 + i * 0.001);
    expect(events().map((event) => event.event_type)).toEqual(['object_new', 'zone_enter']);
    interpreter.scene.setScenes({ cameras: {}, rules: {}, location: undefined });
    for (let i = 31; i <= 60; i++) step(i, 0.45 + i * 0.001);
    interpreter.scene.setScenes(scenes);
    for (let i = 61; i <= 90; i++) step(i, 0.45 + i * 0.001);
    const types = events().map((event) => event.event_type);
    expect(types.filter((type) => type !== 'object_update')).toEqual([
      'object_new',
      'zone_enter',
      'zone_enter',
    ]);
  });

  test('an edited line keeps its total, which survives the agent in a file', () => {
    const { interpreter } = start();
    walkThrough(interpreter, 0.8);
    interpreter.finishAll();
    const edited = validate(YAML.replace('[0.5, 1], [0.5, 0]', '[0.6, 1], [0.6, 0]'), {
      name: 'test',
      environment: {},
    });
    interpreter.scene.setScenes(scenesOf(edited.config!));
    walkThrough(interpreter, 0.8, 's2');
    const path = join(mkdtempSync(join(tmpdir(), 'vedette-counters-')), 'deep/counters.json');
    const log = createLog('silent');
    new CounterFile(path, log).write(interpreter.scene.counters());
    const next = start();
    next.interpreter.scene.restore(new CounterFile(path, log).read());
    walkThrough(next.interpreter, 0.8, 's3');
    const totals = next.interpreter.scene.counters().front!['line/door']!.totals;
    expect(totals).toEqual({ in: { person: 3 } });
    writeFileSync(path, '{ broken');
    expect(new CounterFile(path, log).read()).toEqual({});
    expect(readFileSync(path, 'utf8')).toBe('{ broken');
  });
});
