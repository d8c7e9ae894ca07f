// A recording made up from a seed: people and cars with noise, misses, false alarms and a camera that restarts.
import type { FrameDetections } from '../../src/contracts/detection.ts';
import { frameLine, headLine } from '../../src/pipeline/recording.ts';

const START_MS = Date.UTC(2026, 4, 4, 7, 30);

interface Walker {
  readonly label: string;
  readonly fromS: number;
  readonly x: (s: number) => number;
  readonly y: number;
  readonly size: readonly [number, number];
  readonly forS: number;
}

const WALKERS: readonly Walker[] = [
  { label: 'person', fromS: 1, forS: 12, x: (s) => 0.05 + 0.075 * s, y: 0.7, size: [0.06, 0.25] },
  { label: 'person', fromS: 4, forS: 10, x: (s) => 0.95 - 0.09 * s, y: 0.75, size: [0.06, 0.26] },
  {
    label: 'person',
    fromS: 5,
    forS: 22,
    x: (s) => 0.5 + 0.01 * Math.sin(s),
    y: 0.8,
    size: [0.07, 0.3],
  },
  { label: 'car', fromS: 10, forS: 3, x: (s) => 0.1 + 0.28 * s, y: 0.5, size: [0.15, 0.12] },
  { label: 'car', fromS: 20, forS: 3, x: (s) => 0.9 - 0.28 * s, y: 0.5, size: [0.15, 0.12] },
];

/** `seconds` of a street at `fps` frames analysed per second; in the middle the camera restarts. */
export function street(fps = 5, seconds = 40): FrameDetections[] {
  const random = generator(20260504);
  return Array.from({ length: seconds * fps }, (_, i) => {
    const s = i / fps;
    const session = s < 30 ? 'first' : 'second';
    const detections = WALKERS.filter(
      (walker) => s >= walker.fromS && s < walker.fromS + walker.forS && random() > 0.1,
    ).map((walker) => {
      const [w, h] = walker.size;
      const noise = () => (random() - 0.5) * 0.03 * h;
      const x = walker.x(s - walker.fromS) - w / 2 + noise();
      return {
        box: [x, walker.y - h + noise(), w * (1 + noise()), h * (1 + noise())] as const,
        score: 0.65 + 0.3 * random(),
        label: walker.label,
      };
    });
    const frame = {
      camera: 'street',
      session,
      sequence: session === 'first' ? i + 1 : i + 1 - 30 * fps,
      ptsNs: Math.round((session === 'first' ? s : s - 30) * 1e9),
      captureMs: START_MS + s * 1000,
      captureClock: 'host' as const,
      arrivedMs: 1000 + s * 1000,
      widthPx: 1280,
      heightPx: 720,
      motion: 1,
    };
    if (random() < 0.05) {
      detections.push({ box: [random(), random() * 0.5, 0.05, 0.1], score: 0.7, label: 'person' });
    }
    return { frame, detections, inferredMs: frame.arrivedMs };
  });
}

export function recordingText(frames: readonly FrameDetections[]): string {
  const model = { name: 'made-up', sha256: '0'.repeat(64) };
  return headLine('desk', model) + frames.map(frameLine).join('');
}

export const STREET_YAML = `
device: { name: desk, timezone: Europe/Berlin }
cameras:
  street:
    url: rtsp://10.0.0.5/main
    ground: { picture: [[0.2, 0.4], [0.8, 0.4], [1, 1], [0, 1]], metres: [[0, 20], [12, 20], [12, 0], [0, 0]] }
zones:
  bench: { camera: street, polygon: [[0.4, 0.6], [0.6, 0.6], [0.6, 0.9], [0.4, 0.9]], loiter_s: 10, labels: [person] }
  road: { camera: street, polygon: [[0, 0.4], [1, 0.4], [1, 0.6], [0, 0.6]], labels: [car], direction: 90, max_speed_kmh: 5 }
lines:
  middle: { camera: street, points: [[0.5, 1], [0.5, 0]] }
rules:
  waiting:
    when: { label: person, zone: bench, dwell_s: '> 15' }
    then: { event: waits_long, severity: info }
  wrong_car:
    when: { all: [{ event: line_cross, line: middle, direction: out, label: car }, { time: '09:00-10:00' }] }
    then: { event: car_against_traffic, severity: critical }
`;

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
