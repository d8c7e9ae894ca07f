// Sink: results on the broker. Events go through the outbox, state is retained, streams pass by.
import type { EventRecord } from '../contracts/event.ts';
import type { Sink, SinkHealth, SinkRecord, Still } from '../contracts/sink.ts';
import type { FrameTracks } from '../contracts/track.ts';
import type { Clock } from '../core/clock.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { MqttConnection } from '../mqtt/connection.ts';
import { thinned } from '../mqtt/home-assistant.ts';
import type { FormerCamera } from './archive-file.ts';
import { Delivery, type Outcome } from './delivery.ts';
import { MotionState } from './motion-state.ts';
import type { OutboxReader } from './outbox-reader.ts';

export interface MqttSinkDeps {
  readonly connection: MqttConnection;
  readonly reader: OutboxReader;
  readonly clock: Clock;
  readonly log: Log;
  readonly publishTracks: boolean;
  /** Whose retained topics an earlier run may have left on the broker. */
  readonly formerCameras?: {
    list(): Promise<FormerCamera[]>;
    /** Called when the broker has removed them. */
    forget(cameras: readonly string[]): Promise<void>;
  };
  /** Also send the thinned copy of live events that Home Assistant reads. */
  readonly isForHomeAssistant?: boolean;
}

/** Below the receive maximum of common brokers, so that retained state and answers still fit beside. */
const WINDOW = 10;
const BACKOFF = { firstMs: 500, maxMs: 15_000 };
/** Some brokers take 128 KiB per message (AWS IoT Core); a still of 1280 px is about 100 KiB. */
const MAX_SNAPSHOT_BYTES = 1024 * 1024;

export class MqttSink implements Sink {
  readonly name = 'mqtt';
  private readonly deps: MqttSinkDeps;
  private readonly delivery: Delivery;
  private readonly motion: MotionState;
  private leave: (() => void)[] = [];
  private tooLarge = 0;

  constructor(deps: MqttSinkDeps) {
    this.deps = deps;
    const { clock, log, reader, connection } = deps;
    this.motion = new MotionState(clock, (camera, value) =>
      connection.retain('cameraMotion', { camera }, value),
    );
    this.delivery = new Delivery({
      reader,
      clock,
      log,
      window: WINDOW,
      backoff: BACKOFF,
      deliver: (event) => this.send(event),
    });
  }

  async open(): Promise<void> {
    const { events, isUp } = this.deps.connection;
    this.leave = [
      events.on('up', () => this.delivery.resume()),
      events.on('down', () => this.delivery.pause()),
    ];
    if (isUp) this.delivery.resume();
    await this.removeFormer().catch((error) => {
      this.deps.log.warn({ cause: causeText(error) }, 'former cameras are not known');
    });
  }

  /** Events are not taken from here: the outbox has them. */
  write(records: readonly SinkRecord[]): void {
    for (const record of records) this.show(record);
  }

  async flush(limitMs: number): Promise<void> {
    await this.delivery.flush(limitMs);
  }

  async close(): Promise<void> {
    for (const leave of this.leave) leave();
    this.motion.stop();
    this.delivery.pause();
  }

  health(): SinkHealth {
    const { connection, reader } = this.deps;
    const { backlog, delivered, rejected, lost } = reader.snapshot;
    const broker = connection.snapshot;
    return {
      state: broker.connected ? 'ok' : 'down',
      backlog,
      delivered,
      dropped: rejected + lost + this.tooLarge + broker.dropped,
      lastError: broker.lastError ?? this.delivery.lastError,
    };
  }

  private async removeFormer(): Promise<void> {
    const { connection, formerCameras, log } = this.deps;
    const former = (await formerCameras?.list()) ?? [];
    if (former.length === 0) return;
    for (const { camera, labels } of former) connection.forgetCamera(camera, labels);
    const cameras = former.map(({ camera }) => camera);
    const leave = connection.events.on('up', () => {
      leave();
      log.info({ cameras }, 'retained topics of former cameras removed');
      formerCameras?.forget(cameras).catch((error) => {
        log.warn({ cause: causeText(error) }, 'former cameras stay on record');
      });
    });
    this.leave.push(leave);
  }

  private show(record: SinkRecord): void {
    const { connection } = this.deps;
    if (record.kind === 'camera') {
      const { status } = record;
      connection.retain('cameraStatus', { camera: status.camera }, JSON.stringify(status));
    } else if (record.kind === 'count') {
      for (const [label, count] of Object.entries(record.counts)) {
        connection.retain('cameraCount', { camera: record.camera, label }, String(count));
      }
    } else if (record.kind === 'still') this.showStill(record.still);
    else if (record.kind === 'tracks') this.showTracks(record.tracks);
  }

  private showStill({ camera, label, jpeg }: Still): void {
    if (jpeg.byteLength > MAX_SNAPSHOT_BYTES) {
      this.tooLarge += 1;
      return;
    }
    const payload = Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
    this.deps.connection.retain('cameraSnapshot', { camera, label }, payload);
  }

  private showTracks(tracks: FrameTracks): void {
    const { connection, publishTracks } = this.deps;
    const { camera } = tracks.frame;
    const { motion, motionBoxes } = tracks.frame;
    this.motion.add(camera, motionBoxes && motion);
    if (!publishTracks || !connection.isUp) return;
    connection.publish('cameraTracks', { camera }, JSON.stringify(tracksRecord(tracks)));
  }

  private async send(event: EventRecord): Promise<Outcome> {
    const { connection, isForHomeAssistant = false } = this.deps;
    const { camera } = event;
    const copy = isForHomeAssistant ? thinned(event) : undefined;
    if (copy) connection.publish('cameraEventThinned', { camera }, JSON.stringify(copy));
    const outcome = await connection.deliver('cameraEvent', { camera }, JSON.stringify(event));
    if (outcome.kind === 'done') return { kind: 'delivered' };
    if (outcome.kind === 'refused') return { kind: 'rejected', cause: outcome.cause };
    return { kind: 'retry', cause: outcome.cause, suspicion: outcome.suspicion };
  }
}

/** Wire record: the body of `cam/<c>/tracks`. Boxes are fractions `[x, y, w, h]` of the frame. */
function tracksRecord({ frame, tracks }: FrameTracks): Record<string, unknown> {
  return {
    v: 1,
    camera: frame.camera,
    ts: new Date(frame.captureMs).toISOString(),
    pts_ns: frame.ptsNs,
    frame_size: [frame.widthPx, frame.heightPx],
    tracks: tracks
      .filter((track) => track.phase !== 'tentative' || track.isSure)
      .map((track) => ({
        object_id: track.id,
        track_id: track.trackId,
        phase: track.phase,
        label: track.label,
        score: round(track.score),
        box: track.box.map(round),
        velocity: track.velocity.map(round),
      })),
  };
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
