import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Track } from '../../src/contracts/track.ts';
import { attentionTo, CALM, MOST_URGENT } from '../../src/pipeline/attention.ts';
import { frameOf } from '../fakes/frames.ts';

function track(overrides: Partial<Track> = {}): Track {
  return {
    id: 't',
    trackId: 1,
    phase: 'confirmed',
    label: 'person',
    score: 0.9,
    topScore: 0.9,
    box: [0.4, 0.4, 0.1, 0.2],
    velocity: [0, 0],
    hits: 9,
    firstMs: 0,
    lastMs: 0,
    lastPtsNs: 0,
    ...overrides,
  };
}

function attention(...tracks: Track[]) {
  return attentionTo({ frame: frameOf('a', 1), tracks, ended: [] }, 5);
}

describe('attentionTo', () => {
  it('is calm about nothing, and about what is parked', () => {
    expect(attention()).toEqual(CALM);
    expect(attention(track(), track({ box: [0.8, 0.4, 0.1, 0.2] }))).toEqual(CALM);
  });

  it('is uneasy about tentative, lost and moving objects', () => {
    expect(attention(track({ phase: 'tentative' })).isUneasy).toBe(true);
    expect(attention(track({ phase: 'lost' })).isUneasy).toBe(true);
    expect(attention(track({ velocity: [0, 0.1] })).isUneasy).toBe(true);
    expect(attention(track({ velocity: [0, 0.01] })).isUneasy).toBe(false);
  });

  it('is more urgent where objects cross', () => {
    const apart = attention(track(), track({ box: [0.7, 0.4, 0.1, 0.2] }));
    const crossing = attention(track(), track({ box: [0.45, 0.4, 0.1, 0.2] }));
    expect(crossing.urgency).toBeGreaterThan(apart.urgency);
  });

  it('is more urgent about the same speed at a lower rate', () => {
    const result = { frame: frameOf('a', 1), tracks: [track({ velocity: [0.02, 0] })], ended: [] };
    expect(attentionTo(result, 5).urgency).toBeGreaterThan(attentionTo(result, 30).urgency);
  });

  it('grows with every doubt and stays in its bounds', () => {
    const tracks = fc.array(
      fc.record({
        phase: fc.constantFrom('tentative' as const, 'confirmed' as const, 'lost' as const),
        x: fc.double({ min: 0, max: 0.9, noNaN: true }),
        speed: fc.double({ min: -2, max: 2, noNaN: true }),
      }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(tracks, (some) => {
        const of = (factor: number): number =>
          attention(
            ...some.map(({ phase, x, speed }) =>
              track({ phase, box: [x, 0.4, 0.1, 0.2], velocity: [speed * factor, 0] }),
            ),
          ).urgency;
        expect(of(1)).toBeGreaterThanOrEqual(1);
        expect(of(1)).toBeLessThanOrEqual(MOST_URGENT);
        expect(of(1.5)).toBeGreaterThanOrEqual(of(1));
      }),
    );
  });
});
