// `npm run bench:schedule`: what the scheduler makes of too many cameras, and of cameras where little happens.
import { parseArgs } from 'node:util';
import { needsShared, shared } from '../test/shared.ts';
import { readCoco } from './detect/truth.ts';
import { YARDSTICK } from './models.ts';
import { play, readRecording, recall, stretched } from './schedule/recordings.ts';
import { regionRows } from './schedule/regions.ts';
import { type SimulatedCamera, simulate } from './schedule/simulation.ts';
import { randomOf, type WaitingCamera, wait } from './schedule/waits.ts';

const HELP = `npm run bench:schedule -- [OPTIONS]

Without options: 1 to 256 cameras in virtual time, at half to four times the load that one machine can carry.

  --waits           how long frames of 4 to 64 cameras wait for the model at 30 to 80 % of its time, with cameras that begin
                    together and at any time: each at its own frames, and kept apart
  --regions         large photographs, each labelled object in turn as the one that moves: found in the whole picture,
                    and in a region around it
  --recording FILE  of \`vedette record\`, with every frame analysed (--fps as the stream, idle_fps the same) and a minute
                    of stillness at its beginning and its end; may be repeated. Plays them as cameras, with and without stillness
                    being used, and compares inferences and confirmed objects
  --cameras N       so many of them (default 16)
  --minutes N       so long, by repeating the stillness (default 30)
  --idle-fps N      heartbeat while nothing moves (default 0.25)
  --label LABEL     objects of these labels; may be repeated (default person, bicycle, car)
`;

const { values } = parseArgs({
  options: {
    waits: { type: 'boolean', default: false },
    regions: { type: 'boolean', default: false },
    recording: { type: 'string', multiple: true, default: [] },
    cameras: { type: 'string', default: '16' },
    minutes: { type: 'string', default: '30' },
    'idle-fps': { type: 'string', default: '0.25' },
    label: { type: 'string', multiple: true, default: ['person', 'bicycle', 'car'] },
    help: { type: 'boolean', default: false },
  },
});

/** One inference of a small detector on one core. */
const SERVICE_MS = 10;
/** An object is the same when both runs confirm it within this time. */
const WITHIN_MS = 1000;
/** Frames by which the run for comparison begins later. */
const PHASE = 2;

async function main(): Promise<void> {
  if (values.help) console.log(HELP);
  else if (values.waits) compareWaits();
  else if (values.regions) await compareRegions();
  else if (values.recording.length > 0) compareStill();
  else overload();
}

function overload(): void {
  console.log(
    '| cameras | load | analysed/s | useful/s | of those at load 1 | least share of wish | longest gap, own intervals | age p50, p95 ms |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  const forMs = 60_000;
  for (const count of [1, 4, 16, 64, 256]) {
    const camerasAt = (load: number): SimulatedCamera[] =>
      Array.from({ length: count }, (_, i) => ({
        streamFps: 15 + 5 * (i % 4),
        wish: { fps: load * (2 + (i % 3)), idleFps: 0.25, minFps: 0.5, priority: 1 },
      }));
    const carried = camerasAt(1).reduce((sum, { wish }) => sum + wish.fps, 0);
    let atOnce = 0;
    for (const load of [0.5, 1, 2, 4]) {
      const cameras = camerasAt(load);
      const result = simulate({ cameras, serviceMs: 1000 / carried, forMs });
      const perS = (of: (i: number) => number): number =>
        (cameras.reduce((sum, _, i) => sum + of(i), 0) * 1000) / forMs;
      const useful = perS((i) => result.cameras[i]!.useful);
      if (load === 1) atOnce = useful;
      const each = result.cameras.map((one, i) => ({
        share: (one.taken * 1000) / forMs / cameras[i]!.wish.fps,
        gap: (one.longestGapMs / 1000) * cameras[i]!.wish.fps,
      }));
      const age = (share: number): string =>
        result.agesMs[Math.floor(result.agesMs.length * share)]!.toFixed(0);
      const row = [
        count,
        load,
        perS((i) => result.cameras[i]!.taken).toFixed(1),
        useful.toFixed(1),
        load < 1 ? '' : (useful / atOnce).toFixed(3),
        Math.min(...each.map(({ share }) => share)).toFixed(2),
        Math.max(...each.map(({ gap }) => gap)).toFixed(1),
        `${age(0.5)}, ${age(0.95)}`,
      ];
      console.log(`| ${row.join(' | ')} |`);
    }
  }
}

/** What the cameras of one machine are like: when they begin, the rate of their stream and of their analysed frames. */
const MIXES: Readonly<Record<string, (i: number, random: () => number) => WaitingCamera>> = {
  'begun together, 5 of 30': (_, random) => ({ streamFps: 30, fps: 5, firstMs: random() }),
  'begun together, 5 of 25': (_, random) => ({ streamFps: 25, fps: 5, firstMs: random() }),
  'at any time, 5 of 30': (_, random) => ({ streamFps: 30, fps: 5, firstMs: 5000 * random() }),
  'at any time, 2, 5 and 10 of 25 and 30': (i, random) => ({
    ...{ streamFps: 25 + 5 * (i % 2), fps: [5, 2, 10, 5][i % 4]!, firstMs: 5000 * random() },
  }),
};

/** Frames that arrive before cameras have found their places are left out. */
const FOUND_MS = 10_000;
/** Cameras that are simulated for each row, on as many machines as it takes. */
const WAITING_CAMERAS = 80;

function compareWaits(): void {
  console.log(
    '| cameras | load | inference ms | waits p50, p95 ms | kept apart | waits over 1 ms | kept apart | moves per camera and minute |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  for (const name of Object.keys(MIXES)) {
    console.log(`| ${name} |`);
    for (const count of [4, 16, 64]) {
      for (const load of [0.3, 0.6, 0.8]) console.log(`| ${waitsOf(name, count, load)} |`);
    }
  }
}

function waitsOf(name: string, count: number, load: number): string {
  const machines = Math.ceil(WAITING_CAMERAS / count);
  const runs = [false, true].map((isSpread) => {
    const random = randomOf(7);
    const all = Array.from({ length: machines }, () => {
      const cameras = Array.from({ length: count }, (_, i) => ({
        ...MIXES[name]!(i, random),
        driftPpm: name.startsWith('at') ? 100 * random() - 50 : 0,
      }));
      const serviceMs = (1000 * load) / cameras.reduce((sum, { fps }) => sum + fps, 0);
      const run = { cameras, serviceMs, jitterMs: 3, forMs: FOUND_MS + 60_000, isSpread, random };
      return { ...wait(run), serviceMs };
    });
    const taken = all.flatMap((one) => one.taken.filter(({ arrivedMs }) => arrivedMs > FOUND_MS));
    const waits = taken.map(({ waitedMs }) => waitedMs).sort((a, b) => a - b);
    const at = (share: number): string => waits[Math.floor(waits.length * share)]!.toFixed(1);
    const moves = all.flatMap((one) => one.steps.filter(({ atMs }) => atMs > FOUND_MS)).length;
    return {
      inference: all[0]!.serviceMs.toFixed(1),
      waits: `${at(0.5)}, ${at(0.95)}`,
      late: `${((100 * waits.filter((ms) => ms > 1).length) / waits.length).toFixed(0)} %`,
      moves: (moves / machines / count).toFixed(2),
    };
  });
  const [own, apart] = [runs[0]!, runs[1]!];
  const row = [count, load, own.inference, own.waits, apart.waits, own.late, apart.late];
  return [...row, apart.moves].join(' | ');
}

function compareStill(): void {
  const recordings = values.recording.map(readRecording);
  const cameras = stretched(recordings, Number(values.cameras), Number(values.minutes));
  const idleFps = Number(values['idle-fps']);
  const isWanted = ({ label }: { label: string }): boolean => values.label.includes(label);
  console.log(
    '| fps | every frame: inferences, objects | still frames left out: inferences, objects | ratio | recall | recall of every frame begun two frames later | later p50, p95 ms |',
  );
  console.log('|---|---|---|---|---|---|---|');
  for (const fps of [5, 60]) {
    const wish = { fps, minFps: 1, priority: 1 };
    const every = play(cameras, () => ({ ...wish, idleFps: fps }), SERVICE_MS / 8);
    const some = play(cameras, () => ({ ...wish, idleFps }), SERVICE_MS / 8);
    const all = every.objects.filter(isWanted);
    const { of, found, laterMs } = recall(all, some.objects.filter(isWanted), WITHIN_MS);
    // The same rate on other frames of the stream: what differs here is chance.
    const others = cameras.map((camera) => camera.slice(PHASE));
    const other = play(others, () => ({ ...wish, idleFps: fps }), SERVICE_MS / 8);
    const byChance = recall(all, other.objects.filter(isWanted), WITHIN_MS);
    const row = [
      fps === 60 ? 'all' : fps,
      `${every.inferred}, ${of}`,
      `${some.inferred}, ${some.objects.filter(isWanted).length}`,
      (some.inferred / every.inferred).toFixed(3),
      of === 0 ? '' : (found / of).toFixed(3),
      of === 0 ? '' : (byChance.found / of).toFixed(3),
      [0.5, 0.95].map((q) => laterMs[Math.floor(laterMs.length * q)]?.toFixed(0)).join(', '),
    ];
    console.log(`| ${row.join(' | ')} |`);
  }
}

async function compareRegions(): Promise<void> {
  if (needsShared('bench:schedule --regions')) return;
  const vehicles = new Map([['vehicle', ['car', 'bus', 'truck']]]);
  const sets = (['vehicle8', 'airport10_person'] as const).map((name) =>
    readCoco(
      shared('images', name, 'annotations.json'),
      shared('images', name, 'images'),
      vehicles,
    ),
  );
  const rows = await regionRows(['vedette-s-int8', YARDSTICK], sets);
  console.log(
    '| model | pictures | side in the whole picture, px | objects | found, whole | found, region | all found per inference, whole | region |',
  );
  console.log('|---|---|---|---|---|---|---|---|');
  console.log(rows.join('\n'));
}

await main();
