// What zones and lines cost: `npx tsx bench/analytics.ts [objects] [zones] [lines]`. Prints milliseconds per frame.
import { analyseScene, newScene } from '../src/analytics/scene.ts';
import type { Point } from '../src/contracts/geometry.ts';
import type { LinePlan, ScenePlan, ZonePlan } from '../src/contracts/scene.ts';
import type { Track } from '../src/contracts/track.ts';

const [objects = 200, zones = 10, lines = 10] = process.argv.slice(2).map(Number);
const FPS = 10;
const WARM_UP = 200;
const FRAMES = 600;
const meant = { margin: 0.1, reset: 'never', anchor: 'bottom_centre' } as const;

let seed = 7;
function random(): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
}

/** An octagon of about a tenth of the picture. */
function zone(): ZonePlan {
  const [x, y] = [0.2 + 0.6 * random(), 0.2 + 0.6 * random()];
  const polygon = Array.from({ length: 8 }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / 8;
    return [x + 0.15 * Math.cos(angle), y + 0.15 * Math.sin(angle)];
  });
  const watched = { min_overlap: 0.5, enter_s: 0.2, exit_s: 0.5, loiter_s: 60, stationary_s: 30 };
  return { ...meant, ...watched, polygon, left_labels: ['suitcase'] };
}

function line(): LinePlan {
  const points = [[random(), random()] as const, [random(), random()] as const] as const;
  return { ...meant, points, to_right: 'in', to_left: 'out', debounce_s: 0 };
}

/** Walks a few hundredths of the picture per second, and back at its edges. */
function walker(_: unknown, i: number): (s: number) => Track {
  const [x, y, vx, vy] = [random(), random(), (random() - 0.5) * 0.04, (random() - 0.5) * 0.04];
  const folded = (at: number): number => Math.abs((((at % 2) + 2) % 2) - 1);
  const id = `01K0000000000000000000${1000 + i}`;
  return (s) => ({
    id,
    trackId: i + 1,
    phase: 'confirmed',
    label: 'person',
    score: 0.9,
    topScore: 0.9,
    box: [folded(x + vx * s) - 0.02, folded(y + vy * s) - 0.1, 0.04, 0.1],
    velocity: [vx, vy],
    hits: 10,
    firstMs: 0,
    lastMs: 0,
    lastPtsNs: 0,
  });
}

const named = <T>(count: number, make: () => T): Record<string, T> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`place-${i}`, make()]));
const plan: ScenePlan = {
  ...{ masks: [], timezone: 'UTC' },
  ...{ zones: named(zones, zone), lines: named(lines, line) },
};
const walkers = Array.from({ length: objects }, walker);
const views = Array.from({ length: FRAMES }, (_, i) => {
  const timeMs = (i * 1000) / FPS;
  const tracks = walkers.map((at) => at(i / FPS));
  return { timeMs, wallMs: 1.78e12 + timeMs, aspect: 16 / 9, tracks };
});

let state = newScene();
let events = 0;
let before = process.cpuUsage();
const took: number[] = [];
for (const [i, view] of views.entries()) {
  if (i === WARM_UP) before = process.cpuUsage();
  const startMs = performance.now();
  const step = analyseScene(plan, state, view);
  if (i >= WARM_UP) took.push(performance.now() - startMs);
  state = step.state;
  events += step.events.length;
}
const { user, system } = process.cpuUsage(before);
const median = took.sort((a, b) => a - b)[took.length >> 1]!;
const cpuMs = (user + system) / 1000 / (FRAMES - WARM_UP);
console.log(
  `${objects} objects, ${zones} zones, ${lines} lines, ${events} events in ${FRAMES} frames`,
);
console.log(`per frame: median ${median.toFixed(2)} ms, processor time ${cpuMs.toFixed(2)} ms`);
