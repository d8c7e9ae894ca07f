// What each stage did, counted: read by the health topic, the command line and the benches.
import { Histogram } from '../core/histogram.ts';

export interface CameraMetrics {
  decodedFrames: number;
  /** By cause, as the scheduler counts them. */
  skippedFrames: Readonly<Record<string, number>>;
  inferredFrames: number;
  detections: number;
  /** Frames taken by the scheduler that the camera could not print any more. */
  refusedPrints: number;
  printedBytes: number;
  readonly printUs: Histogram;
}

export class Metrics {
  readonly cameras: Map<string, CameraMetrics> = new Map();
  /** From the closing of a batch to its outputs. */
  readonly inferMs: Histogram = new Histogram();
  /** Head, NMS and mapping, per frame. */
  readonly headMs: Histogram = new Histogram();
  /** Tracking and analysis, per frame. */
  readonly analyseMs: Histogram = new Histogram();
  /** From capture (camera or host clock) to the hand-over to the sinks. */
  readonly captureToPublishMs: Histogram = new Histogram();
  readonly batchFrames: Histogram = new Histogram();

  camera(id: string): CameraMetrics {
    let metrics = this.cameras.get(id);
    if (metrics === undefined) {
      metrics = {
        decodedFrames: 0,
        skippedFrames: {},
        inferredFrames: 0,
        detections: 0,
        refusedPrints: 0,
        printedBytes: 0,
        printUs: new Histogram(),
      };
      this.cameras.set(id, metrics);
    }
    return metrics;
  }

  /** A print of the camera was answered. */
  printed(
    id: string,
    { bytes, tookUs }: { readonly bytes: number; readonly tookUs: number },
  ): void {
    const camera = this.camera(id);
    camera.printedBytes += bytes;
    camera.printUs.add(tookUs);
  }

  remove(id: string): void {
    this.cameras.delete(id);
  }

  /** A plain record with snake_case keys for logs, health and benches. */
  snapshot(): Record<string, unknown> {
    return {
      infer_ms: quantiles(this.inferMs),
      head_ms: quantiles(this.headMs),
      analyse_ms: quantiles(this.analyseMs),
      capture_to_publish_ms: quantiles(this.captureToPublishMs),
      batch_frames: quantiles(this.batchFrames),
      cameras: Object.fromEntries(
        [...this.cameras].map(([id, camera]) => [
          id,
          {
            decoded_frames: camera.decodedFrames,
            skipped_frames: { ...camera.skippedFrames },
            inferred_frames: camera.inferredFrames,
            detections: camera.detections,
            refused_prints: camera.refusedPrints,
            printed_bytes: camera.printedBytes,
            print_us: quantiles(camera.printUs),
          },
        ]),
      ),
    };
  }
}

function quantiles(histogram: Histogram): Record<string, number> {
  return {
    count: histogram.count,
    mean: round(histogram.meanMs),
    p50: round(histogram.percentileMs(0.5)),
    p95: round(histogram.percentileMs(0.95)),
    p99: round(histogram.percentileMs(0.99)),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
