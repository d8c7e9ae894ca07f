// Feeds the detections of a sequence to a tracker as a camera would, and collects what it reports.
import type { Detection } from '../../src/contracts/detection.ts';
import type { Frame } from '../../src/contracts/frame.ts';
import type { Track } from '../../src/contracts/track.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import type { MotRow } from '../../src/track/mot-csv.ts';
import type { TrackingConfig } from '../../src/track/tracking-config.ts';
import type { Sequence } from './sequence.ts';

export interface TrackerRun {
  /** What each frame's record of tracks shows as seen in it; nothing is added afterwards. */
  readonly rows: readonly MotRow[];
  readonly msPerFrame: number;
}

export function runTracker(
  sequence: Sequence,
  config: TrackingConfig,
  frameNumbers: readonly number[],
): TrackerRun {
  const byFrame = detectionsByFrame(sequence);
  const rows: MotRow[] = [];
  let count = 0;
  const tracker = createTracker(config, { idFor: () => String(++count) });
  const startedMs = performance.now();
  for (const number of frameNumbers) {
    const { tracks } = tracker.update(frameOf(sequence, number), byFrame.get(number) ?? []);
    for (const track of tracks) {
      if (!isShown(track)) continue;
      rows.push({
        frame: number,
        id: Number(track.id),
        left: track.box[0] * sequence.widthPx,
        top: track.box[1] * sequence.heightPx,
        width: track.box[2] * sequence.widthPx,
        height: track.box[3] * sequence.heightPx,
        score: track.score,
        classId: -1,
      });
    }
  }
  return { rows, msPerFrame: (performance.now() - startedMs) / frameNumbers.length };
}

/** What overlays draw as seen: the record of tracks without those it calls `lost`. */
export function isShown({ phase, isSure }: Track): boolean {
  return phase === 'confirmed' || (phase === 'tentative' && isSure === true);
}

export function frameOf(sequence: Sequence, number: number): Frame {
  const ms = ((number - 1) * 1000) / sequence.fps;
  return {
    camera: sequence.name,
    session: sequence.name,
    sequence: number,
    ptsNs: ms * 1e6,
    captureMs: ms,
    captureClock: 'host',
    arrivedMs: ms,
    widthPx: sequence.widthPx,
    heightPx: sequence.heightPx,
    motion: 1,
  };
}

export function detectionsByFrame(sequence: Sequence): Map<number, Detection[]> {
  const map = new Map<number, Detection[]>();
  for (const row of sequence.detections) {
    const { widthPx, heightPx } = sequence;
    const detection: Detection = {
      box: [row.left / widthPx, row.top / heightPx, row.width / widthPx, row.height / heightPx],
      score: row.score,
      label: sequence.label,
    };
    const list = map.get(row.frame);
    if (list === undefined) map.set(row.frame, [detection]);
    else list.push(detection);
  }
  return map;
}
