// Events and camera states for tests of sinks.
import type { CameraStatus } from '../../src/contracts/camera.ts';
import type { EventRecord } from '../../src/contracts/event.ts';
import type { SinkRecord } from '../../src/contracts/sink.ts';

const START_MS = Date.UTC(2026, 0, 1);

export function eventOf(seq: number, overrides: Partial<EventRecord> = {}): EventRecord {
  const ts = new Date(START_MS + seq * 1000).toISOString();
  return {
    v: 1,
    event_type: 'object_new',
    seq,
    id: `01TEST${String(seq).padStart(20, '0')}`,
    device: 'gate-2',
    camera: 'front',
    ts,
    pts_ns: seq * 40_000_000,
    object_id: `01OBJECT${String(seq).padStart(18, '0')}`,
    track_id: seq,
    label: 'person',
    score: 0.8,
    top_score: 0.9,
    box: [0.1, 0.2, 0.3, 0.4],
    box_px: [128, 144, 384, 288],
    frame_size: [1280, 720],
    start_ts: ts,
    end_ts: null,
    best: { ts, score: 0.9, box: [0.1, 0.2, 0.3, 0.4] },
    still: null,
    clip: null,
    zones: [],
    model: { name: 'yolox-nano', sha256: 'ab'.repeat(32) },
    latency_ms: { capture_to_publish: 80 },
    replayed: false,
    data: {},
    ...overrides,
  };
}

export function eventRecord(seq: number, overrides: Partial<EventRecord> = {}): SinkRecord {
  return { kind: 'event', event: eventOf(seq, overrides) };
}

export function statusOf(camera: string, state: CameraStatus['state'] = 'live'): CameraStatus {
  return {
    camera,
    state,
    since: new Date(START_MS).toISOString(),
    fps: 14.9,
    codec: 'h264',
    decoder: 'avdec_h264',
    frame_size: [1280, 720],
    reconnects_1h: 0,
    decoder_fallback: null,
    skipped_frames: 0,
    last_error: null,
    next_attempt: null,
  };
}
