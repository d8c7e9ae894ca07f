// `vedette replay`: zones and rules on recorded detections or on a video, to see what they would have said.
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Config } from '../config/schema/config.ts';
import type { FrameDetections } from '../contracts/detection.ts';
import type { EventRecord } from '../contracts/event.ts';
import type { SinkRecord } from '../contracts/sink.ts';
import { sleep, systemClock } from '../core/clock.ts';
import { AgentError, causeText } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { MqttConnection } from '../mqtt/connection.ts';
import {
  type MotOptions,
  parseFrame,
  parseHead,
  type RecordingHead,
  readMot,
} from '../pipeline/recording.ts';
import { Replay } from '../pipeline/replay.ts';
import { createSinks } from '../sinks/registry.ts';
import { readOptions } from './options.ts';
import { record } from './record.ts';
import { configForSource, readConfig, withVideo } from './replay-config.ts';

const HELP = `vedette replay: what zones, lines and rules say about recorded detections, or about a video.

Usage: vedette replay FILE [--config FILE] [OPTIONS]

FILE is a recording of \`vedette record\` (.jsonl), MOTChallenge text (.txt, .csv), or a video. Every event is printed as
one line of JSON, in order; a summary goes to standard error. The same input and configuration give the same bytes.

  --config FILE   whose zones, lines, rules, tracking and device name apply (default: none, objects only)
  --camera ID     treat the recording as this camera (default: as recorded; for MOT and video the first one configured)
  --only A,B      print only these event types, for instance rule,line_cross
  --speed N       N times real time (default: as fast as possible)
  --deliver       also hand everything to the sinks of the configuration: storage, MQTT, alerts
  --start ISO     MOT and video: the time of the first frame (default 1970), for rules that ask for the time
  --fps N --size WxH --label NAME
                  MOT only: its frame rate (30), picture (1920x1080), label (person)
`;

const OPTIONS = {
  config: { type: 'string' },
  camera: { type: 'string' },
  only: { type: 'string' },
  speed: { type: 'string' },
  deliver: { type: 'boolean' },
  fps: { type: 'string' },
  size: { type: 'string' },
  label: { type: 'string' },
  start: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof readOptions<typeof OPTIONS>>['values'];

interface Source {
  readonly model: RecordingHead['model'];
  readonly frames: AsyncIterable<FrameDetections> | Iterable<FrameDetections>;
}

export async function replayCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, OPTIONS);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) {
    throw new AgentError('USAGE', { problem: 'replay takes one FILE; see --help' });
  }
  const config =
    values.config === undefined ? configForSource(file, values) : readConfig(values.config);
  const camera = values.camera ?? Object.keys(config.cameras)[0]!;
  if (config.cameras[camera] === undefined) {
    throw new AgentError('USAGE', { problem: `the configuration has no camera ${camera}` });
  }
  const source = await openSource(file, config, camera, values);
  const sinks = values.deliver ? await openSinks(config) : undefined;
  const summary = await run(source, config, values, sinks?.write);
  await sinks?.close();
  process.stderr.write(summary);
  return 0;
}

async function run(
  { model, frames }: Source,
  config: Config,
  values: Values,
  deliver: ((records: readonly SinkRecord[]) => void) | undefined,
): Promise<string> {
  const only = values.only?.split(',');
  const speed = values.speed === undefined ? Number.POSITIVE_INFINITY : Number(values.speed);
  if (!(speed > 0))
    throw new AgentError('USAGE', {
      problem: `--speed ${values.speed}: expected a number above 0`,
    });
  const told = new Map<string, number>();
  const replay = new Replay({
    config,
    model,
    write(records) {
      deliver?.(records);
      for (const record of records) {
        if (record.kind !== 'event') continue;
        const { event_type } = record.event;
        told.set(nameOf(record.event), (told.get(nameOf(record.event)) ?? 0) + 1);
        if (only === undefined || only.includes(event_type)) {
          process.stdout.write(`${JSON.stringify(record.event)}\n`);
        }
      }
    },
  });
  let count = 0;
  let firstMs: number | undefined;
  const startedMs = systemClock.monotonicMs();
  for await (const result of frames) {
    count += 1;
    const atMs = result.frame.captureMs;
    firstMs ??= atMs;
    const dueMs = startedMs + (atMs - firstMs) / speed - systemClock.monotonicMs();
    if (dueMs > 1) await sleep(systemClock, dueMs);
    replay.push(result);
  }
  await replay.finish();
  const lines = [...told].sort(([a], [b]) => a.localeCompare(b));
  const counts = lines.map(([name, times]) => `  ${String(times).padStart(6)}  ${name}\n`);
  return `${count} frames, ${told.size === 0 ? 'nothing happened' : 'and'}\n${counts.join('')}`;
}

function nameOf({ event_type, data }: EventRecord): string {
  const place = data.rule ?? data.line ?? data.zone;
  const parts = [event_type, place, data.direction].filter((part) => part !== undefined);
  return parts.join(' ');
}

async function openSource(
  file: string,
  config: Config,
  camera: string,
  values: Values,
): Promise<Source> {
  try {
    if (!statSync(file).isFile()) throw new Error('it is not a file');
  } catch (error) {
    throw new AgentError('USAGE', { problem: `cannot read ${file}: ${causeText(error)}` });
  }
  if (file.endsWith('.jsonl')) return openRecording(file, values.camera);
  if (/\.(txt|csv)$/.test(file)) {
    const model = { name: 'unknown', sha256: '' };
    return { model, frames: readMot(readFileSync(file, 'utf8'), file, motOptions(camera, values)) };
  }
  const folder = mkdtempSync(join(tmpdir(), 'vedette-replay-'));
  const recording = join(folder, 'video.jsonl');
  try {
    await record(withVideo(config, camera, file), recording, 'jsonl', undefined);
    const { model, frames } = await openRecording(recording, undefined);
    const all: FrameDetections[] = [];
    for await (const frame of frames) all.push(startingAt(startOf(values), file, frame));
    return { model, frames: all };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openRecording(file: string, camera: string | undefined): Promise<Source> {
  const lines = createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  const { model } = parseHead(first.done ? '' : first.value, file);
  return { model, frames: framesOf(iterator, file, camera) };
}

async function* framesOf(
  lines: AsyncIterator<string>,
  file: string,
  camera: string | undefined,
): AsyncGenerator<FrameDetections> {
  for (let number = 2; ; number++) {
    const { done, value } = await lines.next();
    if (done) return;
    if (value.trim() === '') continue;
    const result = parseFrame(value, file, number);
    yield camera === undefined ? result : { ...result, frame: { ...result.frame, camera } };
  }
}

function motOptions(camera: string, values: Values): MotOptions {
  const { fps = '30', size = '1920x1080', label = 'person' } = values;
  const [widthPx, heightPx] = size.split('x').map(Number);
  const numbers = [widthPx, heightPx, Number(fps)];
  if (numbers.some((value) => !(value! > 0))) {
    throw new AgentError('USAGE', { problem: 'MOT text needs --fps N and --size WIDTHxHEIGHT' });
  }
  return {
    camera,
    label,
    fps: Number(fps),
    widthPx: widthPx!,
    heightPx: heightPx!,
    startMs: startOf(values),
  };
}

/** Wall clock of the first frame; 1970 unless `--start` says better. */
function startOf({ start }: Values): number {
  const startMs = start === undefined ? 0 : Date.parse(start);
  if (!Number.isNaN(startMs)) return startMs;
  throw new AgentError('USAGE', {
    problem: `--start ${start}: expected a time like 2026-05-04T08:00Z`,
  });
}

/** A video knows no time but its own: when it was analysed must not show. */
function startingAt(startMs: number, session: string, result: FrameDetections): FrameDetections {
  const ms = result.frame.ptsNs / 1e6;
  const frame = { ...result.frame, session, captureMs: startMs + ms, arrivedMs: ms };
  return { ...result, frame, inferredMs: ms };
}

async function openSinks(
  config: Config,
): Promise<{ write(records: readonly SinkRecord[]): void; close(): Promise<void> }> {
  const log = createLog('warn');
  const clock = systemClock;
  const device = config.device.name;
  const connection = config.mqtt && new MqttConnection({ config: config.mqtt, device, clock, log });
  const { hub } = createSinks(config, { connection, clock, log });
  await connection?.start();
  await hub.start();
  return {
    write: (records) => hub.write(records),
    async close() {
      await hub.stop();
      await connection?.stop();
    },
  };
}
