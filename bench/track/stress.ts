// What a tracker costs: time per frame in a crowd of 200, and memory over a million frames.
import type { Detection } from '../../src/contracts/detection.ts';
import type { Frame } from '../../src/contracts/frame.ts';
import type { Tracker } from '../../src/contracts/track.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import { DEFAULT_TRACKING, type TrackerName } from '../../src/track/tracking-config.ts';

export interface CrowdResult {
  readonly tracks: number;
  /** Processor time per frame; a busy machine makes the others longer, not this one. */
  readonly cpuMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface MemoryResult {
  readonly frames: number;
  /** Heap after a collection, at ten points of the run. */
  readonly heapMb: readonly number[];
}

const WARM_UP = 100;

/** 200 walkers on one picture, each box about a fifth of the height, so that many overlap. */
export function crowd(name: TrackerName, walkers = 200, frames = 1000): CrowdResult {
  const random = mulberry(7);
  const people = Array.from({ length: walkers }, () => ({
    x: random() * 0.9,
    y: random() * 0.7,
    vx: (random() - 0.5) * 0.002,
    vy: (random() - 0.5) * 0.002,
  }));
  const tracker = newTracker(name);
  const times: number[] = [];
  let tracks = 0;
  let cpuBefore = process.cpuUsage();
  for (let i = 1; i <= frames; i++) {
    const detections = people.map((one): Detection => {
      one.x = (one.x + one.vx + 1) % 1;
      one.y = (one.y + one.vy + 1) % 1;
      return { box: [one.x, one.y, 0.05, 0.2], score: 0.6 + random() * 0.4, label: 'person' };
    });
    const frame = frameOf(i);
    const started = performance.now();
    tracks = tracker.update(frame, detections).tracks.length;
    if (i > WARM_UP) times.push(performance.now() - started);
    if (i === WARM_UP) cpuBefore = process.cpuUsage();
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)]!;
  return { tracks, cpuMs: (user + system) / 1000 / times.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** A parked car all the time, others that come and go every few seconds. */
export function memory(name: TrackerName, frames = 1_000_000): MemoryResult {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('start node with --expose-gc');
  const random = mulberry(11);
  const tracker = newTracker(name);
  const heapMb: number[] = [];
  for (let i = 1; i <= frames; i++) {
    const detections: Detection[] = [
      { box: [0.6, 0.6, 0.2, 0.2], score: random(), label: i % 50 === 0 ? 'truck' : 'car' },
    ];
    for (let k = 0; k < 3; k++) {
      const phase = (i + 37 * k) % 150;
      const x = 0.1 + phase * 0.003;
      if (phase < 110) {
        detections.push({ box: [x, 0.1 + k * 0.2, 0.05, 0.15], score: random(), label: 'person' });
      }
    }
    tracker.update(frameOf(i), detections);
    if (i % (frames / 10) === 0) {
      collect();
      heapMb.push(process.memoryUsage().heapUsed / 2 ** 20);
    }
  }
  return { frames, heapMb };
}

function newTracker(tracker: TrackerName): Tracker {
  let count = 0;
  return createTracker({ ...DEFAULT_TRACKING, tracker }, { idFor: () => `id-${++count}` });
}

function frameOf(sequence: number): Frame {
  const ms = (sequence * 1000) / 30;
  return {
    camera: 'stress',
    session: 'stress',
    sequence,
    ptsNs: ms * 1e6,
    captureMs: ms,
    captureClock: 'host',
    arrivedMs: ms,
    widthPx: 1920,
    heightPx: 1080,
    motion: 1,
  };
}

/** A small seeded generator, so that every run sees the same crowd. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
