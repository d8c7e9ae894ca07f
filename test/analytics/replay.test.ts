// Replay: the same bytes from the same input, whatever happens around it; recordings survive being written and read.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { validate } from '../../src/config/validate.ts';
import type { FrameDetections } from '../../src/contracts/detection.ts';
import type { EventRecord } from '../../src/contracts/event.ts';
import {
  frameLine,
  motLines,
  parseFrame,
  parseHead,
  readMot,
} from '../../src/pipeline/recording.ts';
import { Replay } from '../../src/pipeline/replay.ts';
import { recordingText, STREET_YAML, street } from './recorded-street.ts';

const ROOT = join(import.meta.dirname, '../..');
const GOLDEN = join(ROOT, 'test/golden/replay.jsonl');
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vedette-replay-test-'));
  writeFileSync(join(folder, 'street.jsonl'), recordingText(street()));
  writeFileSync(join(folder, 'street.yaml'), STREET_YAML);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `vedette replay` in a process of its own, on the street. */
function command(config: string, ...options: string[]): string {
  const files = [join(folder, 'street.jsonl'), '--config', join(folder, config)];
  const program = ['--import', 'tsx', join(ROOT, 'src/cli/main.ts')];
  return execFileSync(process.execPath, [...program, 'replay', ...files, ...options], {
    encoding: 'utf8',
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function replay(
  frames: readonly FrameDetections[],
  yaml = STREET_YAML,
): Promise<EventRecord[]> {
  const { config, problems } = validate(yaml, { name: 'street.yaml', environment: {} });
  expect(problems).toEqual([]);
  const events: EventRecord[] = [];
  const it = new Replay({
    config: config!,
    model: { name: 'made-up', sha256: '0'.repeat(64) },
    write(records) {
      for (const record of records) if (record.kind === 'event') events.push(record.event);
    },
  });
  for (const frame of frames) it.push(frame);
  await it.finish();
  return events;
}

function readBack(): FrameDetections[] {
  const [, ...lines] = recordingText(street()).trimEnd().split('\n');
  return lines.map((line, i) => parseFrame(line, 'street', i + 2));
}

describe('replay', () => {
  test('a street in the morning says what it always said', async () => {
    const events = await replay(readBack());
    const told = events.filter((event) => event.event_type !== 'object_update');
    const text = told.map((event) => `${JSON.stringify(event)}\n`).join('');
    await expect(text).toMatchFileSnapshot(GOLDEN);
  });

  test('what it says is what happened: two cars, one too fast the wrong way, one person waiting', async () => {
    const events = await replay(readBack());
    const of = (type: string) => events.filter((event) => event.event_type === type);
    expect(
      of('line_cross')
        .map((event) => [event.label, event.data.direction])
        .sort(),
    ).toEqual([
      ['car', 'in'],
      ['car', 'out'],
      ['person', 'in'],
      ['person', 'out'],
    ]);
    expect(of('loitering')).toHaveLength(1);
    expect(of('wrong_way')).toHaveLength(1);
    expect(of('rule').map((event) => event.data.event)).toEqual([
      'waits_long',
      'car_against_traffic',
    ]);
    const waiting = of('rule')[0]!.data.why as { value: { objects: { dwell_s: number }[] } }[];
    expect(waiting[0]!.value.objects[0]!.dwell_s).toBeGreaterThan(15);
  });

  test('the command prints the same bytes at any speed, and delivers what it prints', () => {
    const storage = join(folder, 'delivered');
    writeFileSync(
      join(folder, 'stored.yaml'),
      `${STREET_YAML}storage: { path: ${storage}, stills: { enabled: false } }\n`,
    );
    const first = command('street.yaml', '--only', 'rule,line_cross');
    expect(first.trimEnd().split('\n')).toHaveLength(6);
    const again = command(
      'stored.yaml',
      '--only',
      'rule,line_cross',
      '--deliver',
      '--speed',
      '150',
    );
    expect(again).toBe(first);
    const db = new Database(join(storage, 'vedette.db'), { readonly: true });
    const stored = db
      .prepare(
        "SELECT body FROM events WHERE type IN ('rule', 'line_cross') ORDER BY body ->> 'seq'",
      )
      .pluck();
    expect(stored.all()).toEqual(first.trimEnd().split('\n'));
    db.close();
  }, 60_000);

  test('a speed that is none is refused with the remedy', () => {
    expect(() => command('street.yaml', '--speed', '0')).toThrow('--speed 0: expected a number');
  }, 60_000);

  test('a wall clock that jumps in the recording changes only the times that are told', async () => {
    const jumped = readBack().map((result, i) => ({
      ...result,
      frame: { ...result.frame, captureMs: result.frame.captureMs + (i % 7) * 3_600_000 },
    }));
    const plainYaml = STREET_YAML.replace("{ time: '09:00-10:00' }", '{ label: car }');
    // The first ten characters of an id are its time.
    const types = (events: EventRecord[]) =>
      events.map(({ event_type, data }) =>
        JSON.stringify([event_type, data]).replace(/"01[0-9A-Z]{8}/g, '"'),
      );
    expect(types(await replay(jumped, plainYaml))).toEqual(
      types(await replay(readBack(), plainYaml)),
    );
  });
});

describe('recordings', () => {
  test('survive being written and read', () => {
    const frames = street(5, 4);
    const [head, ...lines] = recordingText(frames).trimEnd().split('\n');
    expect(parseHead(head!, 'x').model.name).toBe('made-up');
    const back = lines.map((line, i) => parseFrame(line, 'x', i + 2));
    expect(back.map(frameLine)).toEqual(frames.map(frameLine));
  });

  test('as MOT text keep boxes and frames, also empty ones', () => {
    const frames = street(5, 10);
    const text = frames.map(motLines).join('');
    const options = {
      camera: 'street',
      label: 'person',
      fps: 5,
      widthPx: 1280,
      heightPx: 720,
      startMs: 0,
    };
    const back = readMot(text, 'x.txt', options);
    for (const { frame, detections } of frames.slice(0, back.length)) {
      const found = back[frame.sequence - 1]!;
      expect(found.frame.ptsNs).toBe(frame.ptsNs);
      expect(found.detections).toHaveLength(detections.length);
      detections.forEach(({ box }, i) => {
        for (const [k, value] of found.detections[i]!.box.entries()) {
          expect(value).toBeCloseTo(box[k]!, 4);
        }
      });
    }
  });

  test('of something else are refused with file and line', () => {
    expect(() => parseHead('{"a":1}', 'x.jsonl')).toThrow('x.jsonl is not a recording');
    expect(() => parseHead('', 'x.jsonl')).toThrow('x.jsonl:1');
    expect(() => parseFrame('{"camera":"a"}', 'x.jsonl', 7)).toThrow('x.jsonl:7');
    expect(() => parseFrame('not json', 'x.jsonl', 8)).toThrow('x.jsonl:8');
  });
});
