// Ratios of a daemon whose cameras play in real time: stream density (R2), overload (R15), delay (R14).
import type { BenchResult } from '../../src/bench/self-bench.ts';
import { startRtspServer } from '../../src/cli/rtsp-camera.ts';
import { type Bench, carriedFps } from './costs.ts';
import { BenchDaemon, pause, quantile, type Watched } from './daemon.ts';
import { KEY_FRAME_MS, KeyFrames } from './key-frames.ts';

export interface Row {
  readonly ratio: string;
  readonly value: number;
  readonly bar: string;
  readonly measured: string;
  readonly against: string;
  /** Percent of the machine that others took meanwhile. */
  readonly others_percent: number;
}

export interface LiveBench extends Bench {
  readonly costs: BenchResult;
  readonly windowMs: number;
}

/** Node compiles the hot paths, cameras find their places in the schedule. */
const SETTLE_MS = 8000;
/** Rate of the density test; what people on foot need. */
export const DENSITY_FPS = 5;
const LEAST_SHARE = 0.98;
const MOST_TRIES = 4;
const DELAY_CAMERAS = 4;
/** Between the key frames of one camera and the next; neither they nor the frames analysed between them then coincide. */
const APART_MS = 290;

/** All cameras play `source`, and are analysed at `fps` whether anything moves or not. */
async function watch(
  bench: LiveBench,
  cameras: number,
  fps: number,
  urlOf = (_at: number): string => bench.clip,
): Promise<Watched> {
  const daemon = await BenchDaemon.prepare();
  try {
    const all = Array.from({ length: cameras }, (_, at) => {
      return [`cam${at}`, { url: urlOf(at), fps, idle_fps: fps }] as const;
    });
    daemon.start({ ...bench, cameras: Object.fromEntries(all) });
    await daemon.allLive(cameras);
    await pause(SETTLE_MS);
    await daemon.caughtUp(2000 / fps);
    return await daemon.watch(bench.windowMs);
  } finally {
    await daemon.dispose();
  }
}

function rates({ results, seconds }: Watched, cameras: number): number[] {
  return Array.from(
    { length: cameras },
    (_, at) => results.filter(({ camera }) => camera === `cam${at}`).length / seconds,
  );
}

const ages = ({ results }: Watched): number[] => results.map(({ ageMs }) => ageMs);

/**
 * The most streams whose slowest keeps 0.98 of the rate and whose results are at most two of its intervals old at the
 * 95th percentile, sought from what the formula says.
 */
export async function density(bench: LiveBench): Promise<Row> {
  const most = bench.costs.streams.supported;
  const tried = new Map<number, string>();
  let best = 0;
  let others = 0;
  for (let count = most; count > 0 && tried.size < MOST_TRIES && !tried.has(count); ) {
    const watched = await watch(bench, count, DENSITY_FPS);
    const least = Math.min(...rates(watched, count)) / DENSITY_FPS;
    const p95 = quantile(ages(watched), 0.95);
    const holds = least >= LEAST_SHARE && p95 <= 2000 / DENSITY_FPS;
    others = Math.max(others, watched.others);
    tried.set(count, `${count}: ${least.toFixed(2)} of the rate, p95 ${p95.toFixed(0)} ms`);
    process.stderr.write(`${tried.get(count)}\n`);
    if (holds) best = Math.max(best, count);
    count += holds ? 1 : -1;
  }
  return {
    ratio: 'R2 stream density ÷ formula',
    value: best / most,
    bar: '≥ 0.90',
    measured: `${best} streams at ${DENSITY_FPS}/s (${[...tried.values()].join('; ')})`,
    against: `${most} streams`,
    others_percent: percent(others),
  };
}

/** Twice the rate that the machine carries, on the same cameras; results older than two intervals of the wanted rate are of no use. */
export async function overload(bench: LiveBench): Promise<Row> {
  const { profile } = bench.costs;
  let cameras = 4;
  while (carriedFps(cameras, profile) > profile.clip.fps / 2) cameras += 1;
  const fps = carriedFps(cameras, profile);
  const useful = async (wanted: number): Promise<{ rate: number; p95: number; others: number }> => {
    const watched = await watch(bench, cameras, wanted);
    const fresh = watched.results.filter(({ ageMs }) => ageMs <= 2000 / fps);
    const p95 = quantile(ages(watched), 0.95);
    return { rate: fresh.length / watched.seconds, p95, others: watched.others };
  };
  const once = await useful(fps);
  const twice = await useful(2 * fps);
  const told = ({ rate, p95 }: typeof once): string =>
    `${rate.toFixed(1)}/s, p95 ${p95.toFixed(0)} ms`;
  return {
    ratio: 'R15 useful results at twice the load ÷ at once',
    value: twice.rate / once.rate,
    bar: '≥ 0.98',
    measured: `${cameras} cameras at ${(2 * fps).toFixed(1)}/s: ${told(twice)}`,
    against: `at ${fps.toFixed(1)}/s: ${told(once)}`,
    others_percent: percent(Math.max(once.others, twice.others)),
  };
}

/** RTSP cameras of this machine, each with a phase of its own; the time of capture is what they tell with RTCP. */
export async function delay(bench: LiveBench): Promise<Row> {
  const mounts = Array.from({ length: DELAY_CAMERAS }, (_, at) => {
    return { path: `street${at}`, file: bench.clip };
  });
  const server = await startRtspServer({ mounts });
  const watchers: KeyFrames[] = [];
  try {
    for (const { url } of server.clips) {
      await watchers[0]?.phase((APART_MS * watchers.length) % KEY_FRAME_MS);
      watchers.push(new KeyFrames(url));
    }
    const watched = await watch(bench, DELAY_CAMERAS, DENSITY_FPS, (at) => server.clips[at]!.url);
    const { profile } = bench.costs;
    const floor = 1000 / profile.clip.fps + 2 * profile.inference_cpu_ms;
    const [p50, p95] = [0.5, 0.95].map((share) => quantile(ages(watched), share));
    return {
      ratio: 'R14 p95 capture → MQTT ÷ (1/F + 2i)',
      value: p95! / floor,
      bar: '≤ 1.2',
      measured: `${DELAY_CAMERAS} RTSP cameras at ${DENSITY_FPS}/s: p50 ${p50!.toFixed(1)}, p95 ${p95!.toFixed(1)} ms`,
      against: `${floor.toFixed(1)} ms`,
      others_percent: percent(watched.others),
    };
  } finally {
    for (const watcher of watchers) watcher.close();
    await server.stop();
  }
}

export function percent(share: number): number {
  return Math.round(100 * share);
}
