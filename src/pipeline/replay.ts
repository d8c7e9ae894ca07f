// Recorded detections through tracking, zones, rules and publishing, on a clock that the recording drives.
import type { Config } from '../config/schema/config.ts';
import type { FrameDetections } from '../contracts/detection.ts';
import type { SinkRecord } from '../contracts/sink.ts';
import { ulid } from '../core/ulid.ts';
import { createTracker } from '../track/create-tracker.ts';
import { trackingFor } from '../track/tracking-config.ts';
import { Interpreter } from './interpret.ts';
import { Metrics } from './metrics.ts';
import { PublishStage } from './publish.ts';
import type { RecordingHead } from './recording.ts';
import { scenesOf } from './scene-plan.ts';

export interface ReplayOptions {
  readonly config: Config;
  readonly model: RecordingHead['model'];
  write(records: readonly SinkRecord[]): void;
}

/**
 * Runs the code of the live path. Time, ids and order come from the recording alone: the same
 * recording and configuration give the same records, byte for byte, on any machine at any speed.
 */
export class Replay {
  private readonly interpreter: Interpreter;
  private readonly publish: PublishStage;
  private wallMs = 0;
  private ids = 0;

  constructor({ config, model, write }: ReplayOptions) {
    const idFor = (wallMs: number) => ulid(wallMs, (size) => this.numbered(size));
    this.publish = new PublishStage({
      device: config.device.name,
      model,
      clock: { wallMs: () => this.wallMs },
      metrics: new Metrics(),
      idFor,
      snapshots: undefined,
      write,
    });
    this.interpreter = new Interpreter({
      publish: this.publish,
      createTracker: () => createTracker(trackingFor(model.tracking, config.tracking), { idFor }),
      stills: undefined,
    });
    this.interpreter.scene.setScenes(scenesOf(config));
  }

  push(result: FrameDetections): void {
    this.wallMs = result.frame.captureMs;
    this.interpreter.push(result);
  }

  /** Ends all tracks, as when the cameras are gone. */
  async finish(): Promise<void> {
    this.interpreter.finishAll();
    await this.publish.drain();
  }

  /** Instead of randomness: 1, 2, 3 … in base 32. */
  private numbered(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    let rest = ++this.ids;
    for (let i = size - 1; i >= 0 && rest > 0; i--) {
      bytes[i] = rest % 32;
      rest = Math.floor(rest / 32);
    }
    return bytes;
  }
}
