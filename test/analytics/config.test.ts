// Zones, lines and rules as people write them: accepted, refused with place and remedy, handed on unchanged.
import { describe, expect, test } from 'vitest';
import { planChange } from '../../src/config/diff.ts';
import { validate } from '../../src/config/validate.ts';
import { DEFAULT_TRACKING, trackingFor } from '../../src/track/tracking-config.ts';
import { ACTION_DEFAULTS, LINE_DEFAULTS, RULE_DEFAULTS, ZONE_DEFAULTS } from './scene-fixture.ts';

const HEAD = `
device: { timezone: Europe/Berlin }
cameras: { front: rtsp://10.0.0.5/main }
`;
const PLACES = `
zones:
  gate: { camera: front, polygon: [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]] }
lines:
  door: { camera: front, points: [[0.2, 0.8], [0.8, 0.8]] }
`;

function check(text: string) {
  return validate(HEAD + text, { name: 'test.yaml', environment: {} });
}

function problems(text: string): string[] {
  return check(text).problems.map(({ position, message }) => `${position?.line}: ${message}`);
}

describe('accepted', () => {
  test('the defaults are those that trackers and scenes are tested and measured with', () => {
    const { config } = check(
      `${PLACES}rules: { r: { when: { zone: gate }, then: { event: x } } }\n`,
    );
    expect(trackingFor(undefined, config!.tracking)).toEqual(DEFAULT_TRACKING);
    expect(config!.zones.gate).toMatchObject(ZONE_DEFAULTS);
    expect(config!.lines.door).toMatchObject(LINE_DEFAULTS);
    expect(config!.rules.r).toMatchObject(RULE_DEFAULTS);
    expect(config!.rules.r!.action).toMatchObject(ACTION_DEFAULTS);
  });

  test('a zone and a line get their defaults', () => {
    const { config, problems } = check(PLACES);
    expect(problems).toEqual([]);
    expect(config!.zones.gate).toMatchObject({
      anchor: 'bottom_centre',
      enter_s: 0.2,
      reset: 'never',
    });
    expect(config!.lines.door).toMatchObject({ to_right: 'in', to_left: 'out', margin: 0.1 });
  });

  test('a rule with every kind of condition', () => {
    const { config, problems } = check(`${PLACES}
rules:
  waiting:
    when:
      all:
        - { label: person, zone: gate, dwell_s: '> 300', count: 3 }
        - any:
            - { event: line_cross, line: door, direction: in }
            - { counter: { line: door, kind: in }, total: '>= 100' }
        - not: { time: '22:00-06:00', days: [sat, sun] }
        - sequence: [{ event: zone_enter, zone: gate }, { event: line_cross, line: door }]
          within_s: 30
          same_object: true
    then: { event: waiting_too_long, severity: critical }
    cooldown_s: 60
    quiet: [{ time: '12:00-13:00' }]
`);
    expect(problems).toEqual([]);
    expect(config!.rules.waiting!.action).toEqual({
      event: 'waiting_too_long',
      severity: 'critical',
      alerts: [],
      still: false,
      clip: false,
    });
    expect(config!.rules.waiting!.when).toMatchObject({ all: [{ count: 3 }, {}, {}, {}] });
  });
});

test('zones, lines, rules, masks and the ground apply to a running agent', () => {
  const plan = (before: string, after: string) =>
    planChange(check(before).config!, check(after).config!);
  const rule = 'rules:\n  r: { when: { zone: gate }, then: { event: x } }\n';
  expect(plan('', PLACES)).toMatchObject({ live: ['zones.gate', 'lines.door'], agent: [] });
  expect(plan(PLACES, '')).toMatchObject({ live: ['zones.gate', 'lines.door'], agent: [] });
  expect(plan(PLACES, PLACES.replace('0.8]]', '0.9]]'))).toMatchObject({
    live: ['lines.door.points'],
    agent: [],
    cameras: { changed: [] },
  });
  expect(plan(PLACES, PLACES + rule)).toMatchObject({ live: ['rules.r'], agent: [] });
  const camera = '{ url: rtsp://10.0.0.5/main, masks: [[[0, 0], [1, 0], [1, 1]]] }';
  const masked = HEAD.replace('rtsp://10.0.0.5/main', camera);
  const { config } = validate(masked, { name: 'test.yaml', environment: {} });
  expect(planChange(check('').config!, config!)).toMatchObject({
    live: ['cameras.front.masks'],
    cameras: { changed: [] },
    agent: [],
  });
});

describe('refused with line and remedy', () => {
  const rule = (when: string): string =>
    `${PLACES}rules:\n  r:\n    when: ${when}\n    then: { event: x }\n`;
  const line = 11;

  test.each([
    ['{ zone: gat }', 'no zone is called "gat"; did you mean "gate"?'],
    ['{ all: [{ line: door }] }', 'unknown key'],
    ['{ label: person, coutn: 3 }', 'did you mean "count"?'],
    ["{ label: person, count: '=> 3' }", '=> 3'],
    ['{ all: [] }', 'at least one condition'],
    ["{ time: '25:00-06:00' }", 'a time of day'],
    ['{ sun: down }', 'needs `device.location`'],
    ['{ dwell_s: 3 }', '`zone` for `dwell_s`'],
    ['{ event: zone_entre, zone: gate }', 'zone_enter'],
  ])('%s', (when, message) => {
    const found = problems(rule(when));
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]).toContain(message);
    expect(found[0]).toMatch(new RegExp(`^${line}: `));
  });

  test('a zone of a camera that is not there, two points, a speed without ground', () => {
    const zone = (text: string) => problems(`zones:\n  gate: { ${text} }\n`)[0];
    const corners = '[[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]';
    expect(zone(`camera: fornt, polygon: ${corners}`)).toContain('did you mean "front"?');
    expect(zone('camera: front, polygon: [[0.1, 0.1], [0.5, 0.1]]')).toContain('three points');
    expect(zone(`camera: front, polygon: ${corners}, max_speed_kmh: 30`)).toContain('`ground`');
    expect(zone(`camera: front, polygon: ${corners.replace('0.5]]', '1.5]]')}`)).toContain(
      '0 to 1',
    );
  });
});
