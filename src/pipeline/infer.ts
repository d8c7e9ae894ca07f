// Stage `infer`: runs a batch set through the model and turns its outputs into detections, camera by camera in order.
import type { Detection, FrameDetections } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';
import { WHOLE_FRAME } from '../contracts/geometry.ts';
import type { NewerFrame } from '../contracts/ticket.ts';
import type { Clock } from '../core/clock.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { readDetections } from '../infer/detections.ts';
import type { BatchSet, InferenceEngine } from '../infer/engine.ts';
import type { OutputView } from '../native/session.ts';
import type { BatchEntry, Printed } from './batch.ts';
import { InOrder, type Place } from './in-order.ts';
import type { Metrics } from './metrics.ts';
import { isCut } from './region.ts';

/** What one camera wants of the model. */
export interface DetectionFilter {
  /** Below this a detection is not delivered at all, not even to the tracker's second pass. */
  readonly minScore: number;
  /** Undefined: every label of the model. */
  readonly labels: ReadonlySet<string> | undefined;
}

export interface InferDeps {
  readonly engine: InferenceEngine;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  filterOf(camera: string): DetectionFilter;
  /** Says how detected objects look; never rejects. Undefined: nobody asks. */
  readonly describe?:
    | ((frame: Frame, detections: readonly Detection[]) => Promise<readonly Detection[]>)
    | undefined;
  deliver(result: FrameDetections): void;
}

const SMOOTHING = 0.1;

export class InferStage {
  private readonly deps: InferDeps;
  private readonly order: InOrder<FrameDetections>;
  private readonly places = new Map<Frame, Place<FrameDetections>>();
  private smoothedMs = 0;

  constructor(deps: InferDeps) {
    this.deps = deps;
    this.order = new InOrder((result) => deps.deliver(result));
  }

  /** How long a run takes, smoothed over the last ones; 0 before the first. */
  get expectedMs(): number {
    return this.smoothedMs;
  }

  /** Reserves the frame's place in its camera's line. Call in the order in which frames are taken. */
  enter(frame: Frame): void {
    this.places.set(frame, this.order.enter(frame.camera));
  }

  /** The frame will have no result; those behind it go on. */
  abandon(frame: Frame): void {
    this.settle(frame, undefined);
  }

  /** Resolves when every frame that entered has been delivered or abandoned. */
  async drain(): Promise<void> {
    while (this.places.size > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Infers a batch. Never rejects: a failed run is logged and its frames are abandoned. */
  async run(set: BatchSet, entries: readonly BatchEntry[]): Promise<void> {
    const { engine, log } = this.deps;
    try {
      const prints = entries.map(({ job }) => job.asked);
      await engine.runPrinted(set, prints, (outputs, tookMs) => {
        if (outputs !== undefined) this.count(entries.length, tookMs);
        entries.forEach((entry, slot) => {
          const printed = entry.job.result();
          if (outputs === undefined || 'refused' in printed) this.refuse(entry.frame);
          else this.read(outputs, slot, entry, printed);
        });
      });
    } catch (error) {
      log.error({ stage: 'infer', cause: causeText(error) }, 'inference failed');
      for (const { frame, job } of entries) {
        job.result();
        this.abandon(frame);
      }
    }
  }

  private count(frames: number, tookMs: number): void {
    const { metrics } = this.deps;
    metrics.inferMs.add(tookMs);
    metrics.batchFrames.add(frames);
    this.smoothedMs += (tookMs - this.smoothedMs) * (this.smoothedMs === 0 ? 1 : SMOOTHING);
  }

  /** The camera could not print it any more. */
  private refuse(frame: Frame): void {
    this.deps.metrics.camera(frame.camera).refusedPrints += 1;
    this.abandon(frame);
  }

  private read(
    outputs: readonly OutputView[],
    slot: number,
    { frame: taken, rectangle }: BatchEntry,
    printed: Exclude<Printed, { refused: unknown }>,
  ): void {
    const { engine, clock, metrics } = this.deps;
    const startMs = clock.monotonicMs();
    const frame = asPrinted(taken, printed.newer, startMs);
    const filter = this.deps.filterOf(frame.camera);
    const print = { placement: printed.placement, rectangle };
    const found = readDetections(engine, outputs, slot, print, filter.minScore);
    const isWhole = rectangle === WHOLE_FRAME;
    const uncut = isWhole ? found : found.filter(({ box }) => !isCut(box, rectangle));
    const { labels } = filter;
    const detections =
      labels === undefined ? uncut : uncut.filter(({ label }) => labels.has(label));
    const nowMs = clock.monotonicMs();
    metrics.headMs.add(nowMs - startMs);
    metrics.printed(frame.camera, printed);
    const camera = metrics.camera(frame.camera);
    camera.inferredFrames += 1;
    camera.detections += detections.length;
    const result = { frame, detections, inferredMs: nowMs };
    this.describe(taken, isWhole ? result : { ...result, region: rectangle });
  }

  private describe(taken: Frame, result: FrameDetections): void {
    const { describe } = this.deps;
    if (describe === undefined) this.settle(taken, result);
    else
      void describe(result.frame, result.detections).then((detections) =>
        this.settle(taken, { ...result, detections }),
      );
  }

  private settle(frame: Frame, result: FrameDetections | undefined): void {
    const place = this.places.get(frame);
    this.places.delete(frame);
    place?.settle(result);
  }
}

/** The frame taken, or the newer one that the camera printed in its place. */
function asPrinted(taken: Frame, newer: NewerFrame | undefined, nowMs: number): Frame {
  if (newer === undefined) return taken;
  const { sequence, ptsNs, captureMs } = newer;
  return { ...taken, sequence, ptsNs, captureMs, arrivedMs: nowMs };
}
