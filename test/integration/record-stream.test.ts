// A camera with two streams: what is detected on is small, clips are made of the large one, and neither disturbs the other.
//
// Every picture carries its number in the bright and dark fields of its upper edge, so that what a clip or a still shows can
// be told without asking whoever wrote it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RtspServer, startRtspServer } from '../../src/cli/rtsp-camera.ts';
import type { EventRecord } from '../../src/contracts/event.ts';
import { type AccessUnit, RecordParser } from '../../src/pipeline/encoded-pipe.ts';
import type { CameraExplanation } from '../../src/pipeline/explain.ts';
import { mp4Head, sampleOf } from '../../src/pipeline/mp4.ts';
import { askAgent, controlSocketIn } from '../../src/remote/control-socket.ts';
import { until } from '../mqtt/mosquitto.ts';
import { needsShared, shared } from '../shared.ts';
import { orderOf, TestCamera } from './camera-harness.ts';
import { Daemon } from './daemon-harness.ts';

const FPS = 10;
const FRAME_MS = 1000 / FPS;
const BITS = 8;
const NUMBERS = 240;
const LOOP_MS = NUMBERS * FRAME_MS;
const KEY_MS = 1000;
const BEFORE_S = 2;
const AFTER_S = 3;
const SMALL = [320, 180] as const;
const LARGE = [1280, 720] as const;
/** What docs/cameras.md promises where both streams have the camera's clock. */
const ERROR_MS = 2 * FRAME_MS;
const LOGIN = { username: 'admin', password: 'planted-secret' };
const LIVE = { state: 'live' };
const RECORD_LIVE = { ...LIVE, stream: 'record' };

function ffmpeg(...args: string[]): Buffer {
  return execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-xerror', ...args]);
}

/** The same street in another size, with the number of each picture at its upper edge. */
function film(file: string, [width, height]: readonly [number, number]): void {
  const field = (bit: number, on: string): string =>
    `drawbox=x=${bit}*iw/${BITS}:y=0:w=iw/${BITS}:h=ih/8:t=fill:${on}`;
  const fields = Array.from({ length: BITS }, (_, bit) => [
    field(bit, 'color=black'),
    field(bit, `color=white:enable='mod(floor(n/${2 ** bit}),2)'`),
  ]);
  const filters = [`fps=${FPS}`, `scale=${width}:${height}`, ...fields.flat()].join(',');
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', String(FPS), '-bf', '0'];
  ffmpeg(
    ...['-stream_loop', '-1', '-i', shared('media', 'one-by-one_A_f1-720.mp4'), '-vf', filters],
    ...['-frames:v', String(NUMBERS), ...encoder, '-pix_fmt', 'yuv420p', '-y', file],
  );
}

/** The numbers of the pictures in a file. Fails when anything cannot be decoded. */
function numbersIn(file: string): number[] {
  const pixels = ffmpeg(
    ...['-i', file, '-vf', `crop=iw:ih/16:0:ih/64,scale=${BITS}:1:flags=area,format=gray`],
    ...['-vsync', '0', '-f', 'rawvideo', '-'],
  );
  return Array.from({ length: pixels.length / BITS }, (_, i) =>
    [...pixels.subarray(i * BITS, (i + 1) * BITS)].reduce(
      (sum, level, bit) => sum + (level > 127 ? 2 ** bit : 0),
      0,
    ),
  );
}

function probe(file: string): string {
  const args = ['-v', 'error', '-select_streams', 'v', '-show_entries', 'stream=width,height'];
  return execFileSync('ffprobe', [...args, '-of', 'csv=p=0', file], { encoding: 'utf8' }).trim();
}

/** From `of` to `to` on the loop, at most half of it away. */
function apart(of: number, to: number): number {
  const ahead = (((to - of) % LOOP_MS) + LOOP_MS) % LOOP_MS;
  return ahead > LOOP_MS / 2 ? ahead - LOOP_MS : ahead;
}

/** Fires once, so many seconds after the first frame. */
function ruleAfter(seconds: number): object {
  const action = { event: `after_${seconds}`, clip: true, still: true };
  // biome-ignore lint/suspicious/noThenProperty: it is the key of the YAML file, and never a function
  return { when: { time: '00:00-00:00' }, then: action, for_s: seconds };
}

describe.skipIf(needsShared('a camera with two streams'))('a camera with two streams', () => {
  let folder = '';
  let small: RtspServer;
  let large: RtspServer;
  let daemon: Daemon;
  /** Keep the streams running, so that everybody who connects gets the same pictures at the same time. */
  const viewers: TestCamera[] = [];

  const serve = (name: string, port = 0): Promise<RtspServer> =>
    startRtspServer({
      ...{ mounts: [{ path: name, file: join(folder, `${name}.mp4`) }], port, ...LOGIN },
    });

  /** The wall clock, on the loop, at which picture 0 of a stream is sent. */
  async function zeroOf(server: RtspServer): Promise<number> {
    const order = orderOf(server.clips[0]!.url, { decode: 'none', realtime: true, ...LOGIN });
    const viewer = await TestCamera.open(order);
    viewers.push(viewer);
    const parser = new RecordParser();
    const units: AccessUnit[] = [];
    viewer.encoded.on('data', (chunk: Buffer) => units.push(...parser.push(chunk)));
    viewer.send({ kind: 'encoded', wanted: true });
    const clocked = () => units.findIndex(({ captureClock }) => captureClock === 'rtcp');
    await until('pictures with the clock of the server', () => clocked() !== -1, 20_000);
    const samples = units.map(sampleOf);
    const file = join(folder, 'seen.mp4');
    await writeFile(file, [mp4Head({ units, samples, widthPx: 16, heightPx: 16 }), ...samples]);
    const number = numbersIn(file)[clocked()]!;
    return units[clocked()]!.captureMs - number * FRAME_MS;
  }

  const ask = (request: { command: string; config?: object }) =>
    askAgent(controlSocketIn(daemon.dir), request);
  const explained = async (): Promise<CameraExplanation> => {
    const answer = await ask({ command: 'explain' });
    return (answer.data as { cameras: CameraExplanation[] }).cameras[0]!;
  };
  const clips = (): string[] => {
    const dir = join(daemon.dir, 'clips');
    if (!existsSync(dir)) return [];
    return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('mp4'));
  };
  const events = (): EventRecord[] => {
    const db = new Database(join(daemon.dir, 'vedette.db'), { readonly: true });
    const bodies = db.prepare("SELECT body FROM events WHERE type = 'rule' ORDER BY id").pluck();
    const found = bodies.all().map((body) => JSON.parse(String(body)) as EventRecord);
    db.close();
    return found;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'vedette-record-'));
    film(join(folder, 'small.mp4'), SMALL);
    film(join(folder, 'large.mp4'), LARGE);
    [small, large] = await Promise.all([serve('small'), serve('large')]);
    const url = (server: RtspServer): string => server.clips[0]!.url;
    daemon = Daemon.prepare({
      cameras: {
        hall: {
          streams: {
            detect: url(small),
            record: url(large).replace('rtsp://', `rtsp://${LOGIN.username}:${LOGIN.password}@`),
          },
          ...LOGIN,
          ...{ fps: 5, idle_fps: 5 },
        },
      },
      rules: { soon: ruleAfter(9), late: ruleAfter(26) },
      storage: { clips: { before_s: BEFORE_S, after_s: AFTER_S } },
    });
  });

  afterAll(async () => {
    await Promise.all(viewers.map((viewer) => viewer.close()));
    await daemon?.dispose();
    await Promise.all([small?.stop(), large?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('detects on the small one, and its clip is of the large one around the moment', async () => {
    const zero = { small: await zeroOf(small), large: await zeroOf(large) };
    daemon.start();
    const areLive = () => daemon.said('camera state', LIVE).length === 2;
    await until('both streams', () => areLive() && daemon.takesCommands, 60_000);
    const told = await explained();
    expect(told.decode).toMatchObject({ frame_size: SMALL, codec: 'h264' });
    expect(told.record).toMatchObject({ state: 'live', frame_size: LARGE, codec: 'h264' });
    await until('a clip', () => clips().length > 0, 60_000);

    const event = events()[0]!;
    expect(event).toMatchObject({ frame_size: SMALL, clip: clips()[0] });
    const [seen] = numbersIn(join(daemon.dir, 'stills', event.still!));
    const moment = zero.small + seen! * FRAME_MS;
    const file = join(daemon.dir, 'clips', event.clip!);
    expect(probe(file)).toBe(LARGE.join());
    const numbers = numbersIn(file);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0]! + i) % NUMBERS));
    // Every tenth is a key frame.
    expect(numbers[0]! % FPS).toBe(0);
    const beforeMs = apart(zero.large + numbers[0]! * FRAME_MS, moment);
    const afterMs = (numbers.length - 1) * FRAME_MS - beforeMs;
    console.info(`clip: ${beforeMs.toFixed(0)} ms before, ${afterMs.toFixed(0)} ms after`);
    console.info(
      `event told ${apart(moment, Date.parse(event.ts)).toFixed(0)} ms after its picture`,
    );
    expect(beforeMs).toBeGreaterThan(BEFORE_S * 1000 - ERROR_MS);
    expect(beforeMs).toBeLessThan(BEFORE_S * 1000 + KEY_MS + ERROR_MS);
    expect(afterMs).toBeGreaterThan(AFTER_S * 1000 - FRAME_MS - ERROR_MS);
    expect(afterMs).toBeLessThan(AFTER_S * 1000 + ERROR_MS);
  });

  it('goes on detecting when the large one is gone, and cuts the clip from what there is', async () => {
    const { port } = large;
    const during = explained();
    large.kill('SIGKILL');
    let told = await during;
    const goesOn = () => told.decode.fps > FPS * 0.95 && told.schedule.inferred_fps > 4;
    // Of two seconds each, of which others may have had some.
    for (let looks = 1; !goesOn() && looks < 20; looks++) told = await explained();
    expect(goesOn(), JSON.stringify(told)).toBe(true);
    expect(told.record!.state).toBe('connecting');
    expect(told.record!.last_error).toBeTruthy();

    await until('another clip', () => clips().length > 1, 60_000);
    const event = events()[1]!;
    const file = join(daemon.dir, 'clips', event.clip!);
    expect(probe(file)).toBe(SMALL.join());
    const numbers = numbersIn(file);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0]! + i) % NUMBERS));
    expect(numbers.length).toBeGreaterThanOrEqual((BEFORE_S + AFTER_S) * FPS);
    const fallbacks = 'clip of the decoded stream: the recorded one has a gap there';
    expect(daemon.said(fallbacks)).toMatchObject([{ camera: 'hall', path: event.clip }]);

    large = await serve('large', port);
    await until('it again', () => daemon.said('camera state', RECORD_LIVE).length === 2, 30_000);
  });

  it('changes one stream without touching the other', async () => {
    const before = daemon.cameraPids();
    expect(before).toHaveLength(2);
    const change = { cameras: { hall: { streams: { record: null } } } };
    expect(await ask({ command: 'config/set', config: change })).toMatchObject({ status: 'ok' });
    await until('one process less', () => daemon.cameraPids().length === 1, 10_000);
    expect(before).toContain(daemon.cameraPids()[0]);
    expect((await explained()).record).toBeNull();
    const states = daemon.said('camera state').filter(({ stream }) => stream === undefined);
    expect(states.map(({ state }) => state)).toEqual(['connecting', 'live']);
    expect(daemon.said('no clip')).toEqual([]);
  });

  it('ends with both, and has told nobody the password', async () => {
    const rolled = await ask({ command: 'config/rollback' });
    expect(rolled).toMatchObject({ status: 'ok' });
    await until('both', () => daemon.cameraPids().length === 2, 10_000);
    const answers = [rolled, await ask({ command: 'config/get' }), await explained()];
    expect((await daemon.end()).status).toBe(0);
    expect(daemon.cameraPids()).toEqual([]);
    const known = readFileSync(join(daemon.dir, 'vedette.db')).toString('latin1');
    const told = JSON.stringify([daemon.log, daemon.noise, answers]) + known;
    expect(told).toContain('rtsp://admin:***@');
    expect(told).not.toContain(LOGIN.password);
  });
});
