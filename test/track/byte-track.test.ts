// What ByteTrack promises: identities, ends, labels, time.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Detection } from '../../src/contracts/detection.ts';
import type { FrameTracks, Track, Tracker } from '../../src/contracts/track.ts';
import { createTracker } from '../../src/track/create-tracker.ts';
import { DEFAULT_TRACKING, type TrackingConfig } from '../../src/track/tracking-config.ts';
import { frameOf } from '../fakes/frames.ts';

function tracker(overrides: Partial<TrackingConfig> = {}): Tracker {
  let next = 0;
  return createTracker(
    { ...DEFAULT_TRACKING, confirm_hits: 2, lost_s: 1, ...overrides },
    { idFor: () => `id-${++next}` },
  );
}

function person(x: number, y = 0.4, score = 0.9, label = 'person'): Detection {
  return { box: [x, y, 0.05, 0.2], score, label };
}

function confirmed(result: FrameTracks): Track[] {
  return result.tracks.filter((track) => track.phase === 'confirmed');
}

describe('lifecycle', () => {
  test('an object is tentative first, confirmed with its second detection, and keeps its id', () => {
    const it = tracker();
    expect(it.update(frameOf('a', 1), [person(0.1)]).tracks).toMatchObject([
      { id: 'id-1', trackId: 0, phase: 'tentative', hits: 1 },
    ]);
    for (let i = 2; i < 50; i++) {
      const tracks = it.update(frameOf('a', i), [person(0.1 + i * 0.004)]).tracks;
      expect(tracks).toMatchObject([{ id: 'id-1', trackId: 1, phase: 'confirmed', hits: i }]);
    }
  });

  test('velocity comes out in frame widths per second', () => {
    const it = tracker();
    let last: FrameTracks | undefined;
    for (let i = 1; i < 60; i++) last = it.update(frameOf('a', i), [person(0.1 + i * 0.004)]);
    expect(last!.tracks[0]!.velocity[0]).toBeCloseTo(0.1, 2);
    expect(last!.tracks[0]!.velocity[1]).toBeCloseTo(0, 2);
  });

  test('weak detections continue a track and never start one', () => {
    const it = tracker();
    for (let i = 1; i <= 5; i++) it.update(frameOf('a', i), [person(0.5)]);
    for (let i = 6; i <= 40; i++) {
      const result = it.update(frameOf('a', i), [person(0.5, 0.4, 0.2), person(0.1, 0.4, 0.3)]);
      expect(confirmed(result).map((track) => track.trackId)).toEqual([1]);
      expect(result.tracks).toHaveLength(1);
    }
  });

  test('a track that is not seen any more is lost for lost_s, then ends once', () => {
    const it = tracker({ lost_s: 1 });
    for (let i = 1; i <= 5; i++) it.update(frameOf('a', i), [person(0.5)]);
    let ended: readonly Track[] = [];
    let lostFrames = 0;
    for (let i = 6; i <= 60; i++) {
      const result = it.update(frameOf('a', i), []);
      lostFrames += result.tracks.filter((track) => track.phase === 'lost').length;
      ended = [...ended, ...result.ended];
    }
    expect(lostFrames).toBe(25);
    expect(ended).toMatchObject([{ id: 'id-1', lastMs: frameOf('a', 5).captureMs }]);
    expect(it.finish()).toEqual([]);
  });

  test('an object that returns within lost_s keeps its id, one that returns later is new', () => {
    for (const [gapFrames, expected] of [
      [15, 1],
      [40, 2],
    ] as const) {
      const it = tracker({ lost_s: 1 });
      for (let i = 1; i <= 9; i++) it.update(frameOf('a', i), [person(0.5)]);
      for (let i = 10; i < 10 + gapFrames; i++) it.update(frameOf('a', i), []);
      it.update(frameOf('a', 10 + gapFrames), [person(0.5)]);
      const back = it.update(frameOf('a', 11 + gapFrames), [person(0.5)]);
      expect(confirmed(back).map((track) => track.trackId)).toEqual([expected]);
    }
  });

  /** Which of 60 frames tell of an object that is seen in `seen` of every `of` frames, after 40 in a row. */
  function toldShare(seen: number, of: number, first: number): number {
    const it = tracker();
    let told = 0;
    let shown = 0;
    for (let i = 1; i <= 160; i++) {
      const isSeen = i <= first || i % of < seen;
      const { tracks } = it.update(frameOf('a', i), isSeen ? [person(0.5)] : []);
      if (i <= 100 || !isSeen) continue;
      shown += 1;
      told += tracks.filter((track) => track.phase === 'confirmed').length;
    }
    return told / shown;
  }

  test('what flickers is told of no more; what is seen for longer between gaps always is', () => {
    expect(toldShare(1, 2, 10)).toBe(0);
    expect(toldShare(1, 3, 10)).toBe(0);
    expect(toldShare(5, 6, 10)).toBe(1);
  });

  test('what was seen for long is told again with its first detection after a gap', () => {
    for (const [before, phase] of [
      [10, 'confirmed'],
      [2, 'lost'],
    ] as const) {
      const it = tracker();
      for (let i = 1; i <= before; i++) it.update(frameOf('a', i), [person(0.5)]);
      for (let i = before + 1; i <= before + 10; i++) it.update(frameOf('a', i), []);
      const back = it.update(frameOf('a', before + 11), [person(0.5)]);
      expect(back.tracks).toMatchObject([{ trackId: 1, phase }]);
    }
  });

  test('who is hidden by another goes on behind them with an id of their own', () => {
    const it = tracker({ lost_s: 2 });
    for (let i = 1; i <= 60; i++) {
      const right = person(0.2 + i * 0.01);
      const left = person(0.8 - i * 0.01);
      const isHidden = Math.abs(right.box[0] - left.box[0]) < 0.03;
      it.update(frameOf('a', i), isHidden ? [right] : [right, left]);
    }
    const { tracks } = it.update(frameOf('a', 61), [person(0.81), person(0.19)]);
    expect(tracks.map(({ id, box: [x] }) => [id, x])).toEqual([
      ['id-1', 0.81],
      ['id-2', 0.19],
    ]);
  });

  test('a passer-by who touches takes no track whose own object is half hidden there', () => {
    const it = tracker();
    const at = (i: number): { ptsNs: number; captureMs: number; arrivedMs: number } => ({
      ptsNs: i * 2e8,
      captureMs: i * 200,
      arrivedMs: i * 200,
    });
    for (let i = 1; i <= 9; i++) it.update(frameOf('a', i, at(i)), [person(0.5)]);
    const both = [person(0.545), person(0.5, 0.4, 0.49)];
    const { tracks } = it.update(frameOf('a', 10, at(10)), both);
    expect(tracks.map(({ id, score }) => [id, score])).toEqual([
      ['id-1', 0.49],
      ['id-2', 0.9],
    ]);
  });

  test('a new session ends everything and counts from 1 again with new global ids', () => {
    const it = tracker();
    for (let i = 1; i <= 5; i++) it.update(frameOf('a', i), [person(0.5)]);
    const first = it.update(frameOf('a', 1, { session: 's2' }), [person(0.5)]);
    expect(first.ended).toMatchObject([{ id: 'id-1' }]);
    const second = it.update(frameOf('a', 2, { session: 's2' }), [person(0.5)]);
    expect(second.tracks).toMatchObject([{ id: 'id-2', trackId: 1 }]);
  });

  test('a gap longer than lost_s ends tracks before anything is associated', () => {
    const it = tracker();
    for (let i = 1; i <= 5; i++) it.update(frameOf('a', i), [person(0.5)]);
    const after = it.update(frameOf('a', 5 + 25 * 10), [person(0.5)]);
    expect(after.ended).toHaveLength(1);
    expect(after.tracks).toMatchObject([{ id: 'id-2', phase: 'tentative' }]);
  });
});

describe('time', () => {
  test('wall clock jumps and pts that start anew end nothing', () => {
    const it = tracker();
    for (let i = 1; i <= 100; i++) {
      const wallJump = i > 30 ? 86_400_000 : 0;
      const backJump = i > 50 ? -3 * 86_400_000 : 0;
      const ptsReset = i > 70 ? -70 * 40_000_000 : 0;
      const ptsLeap = i > 90 ? 3600e9 : 0;
      const plain = frameOf('a', i);
      const frame = frameOf('a', i, {
        captureMs: plain.captureMs + wallJump + backJump,
        ptsNs: plain.ptsNs + ptsReset + ptsLeap,
      });
      const result = it.update(frame, [person(0.1 + i * 0.004)]);
      expect(result.ended).toEqual([]);
      expect(result.tracks).toHaveLength(1);
    }
  });

  test('a walker keeps one id at any frame rate and with frames missing', () => {
    const setting = fc.record({
      fps: fc.integer({ min: 4, max: 30 }),
      keep: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    });
    fc.assert(
      fc.property(setting, ({ fps, keep }) => {
        const it = tracker();
        const ids = new Set<string>();
        let frames = 0;
        for (let i = 0; i < 120; i++) {
          const seconds = i / fps;
          const x = 0.05 + seconds * 0.04;
          if (x > 0.9) break;
          if (i > fps && keep[i % 40] === false && keep[(i + 39) % 40] === true) continue;
          frames += 1;
          const frame = frameOf('a', i + 1, {
            ptsNs: seconds * 1e9,
            captureMs: seconds * 1000,
            arrivedMs: seconds * 1000,
          });
          for (const track of it.update(frame, [person(x)]).tracks) ids.add(track.id);
        }
        expect(frames).toBeGreaterThan(40);
        expect(ids.size).toBe(1);
      }),
      { numRuns: 60 },
    );
  });
});

test('who is lost while the camera turns is found again where the picture took them', () => {
  for (const isTold of [true, false]) {
    const it = tracker({ lost_s: 2 });
    let last: FrameTracks | undefined;
    for (let i = 1; i <= 40; i++) {
      const shift = i < 10 ? 0 : (Math.min(i, 30) - 9) * 0.02;
      const isHidden = i >= 10 && i <= 30;
      const frame = frameOf('a', i, isTold && shift > 0 ? { cameraShift: [shift, 0] } : {});
      last = it.update(frame, isHidden ? [] : [person(0.2 + shift)]);
    }
    const { tracks } = last!;
    expect(tracks[tracks.length - 1]!.id).toBe(isTold ? 'id-1' : 'id-2');
  }
});

describe('labels', () => {
  test('one frame of another label changes neither identity nor label', () => {
    const it = tracker();
    for (let i = 1; i <= 20; i++) {
      const label = i === 10 ? 'truck' : 'car';
      const result = it.update(frameOf('a', i), [person(0.5, 0.4, 0.8, label)]);
      expect(result.tracks).toMatchObject([{ id: 'id-1', label: 'car' }]);
    }
  });

  test('objects of different labels that partly overlap are not exchanged', () => {
    const it = tracker();
    for (let i = 1; i <= 20; i++) {
      const pair = [person(0.5, 0.4, 0.9, 'person'), person(0.51, 0.45, 0.8, 'bicycle')];
      const result = it.update(frameOf('a', i), i === 10 ? pair.slice(1) : pair);
      const bicycle = result.tracks.find((track) => track.label === 'bicycle');
      expect(bicycle?.id).toBe('id-2');
    }
  });
});

test('invariants hold for arbitrary detections: ids are unique, ended ones never return', () => {
  const detection = fc.record({
    box: fc.tuple(
      fc.double({ min: -0.1, max: 0.9, noNaN: true }),
      fc.double({ min: -0.1, max: 0.9, noNaN: true }),
      fc.double({ min: 0, max: 0.4, noNaN: true }),
      fc.double({ min: 0, max: 0.4, noNaN: true }),
    ),
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    label: fc.constantFrom('person', 'car'),
  });
  fc.assert(
    fc.property(fc.array(fc.array(detection, { maxLength: 8 }), { maxLength: 40 }), (frames) => {
      const it = tracker();
      const gone = new Set<string>();
      let highest = 0;
      frames.forEach((detections, i) => {
        const result = it.update(frameOf('a', i + 1), detections);
        const ids = result.tracks.map((track) => track.id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const id of ids) expect(gone.has(id)).toBe(false);
        for (const track of result.ended) gone.add(track.id);
        for (const track of result.tracks) {
          for (const value of [...track.box, ...track.velocity]) expect(value).toBe(Number(value));
          expect(track.phase === 'tentative').toBe(track.trackId === 0);
          highest = Math.max(highest, track.trackId);
        }
      });
      expect(gone.size + it.finish().length).toBe(highest);
    }),
  );
});
