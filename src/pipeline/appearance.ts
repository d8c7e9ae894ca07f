// The look of detected objects: their crops, printed from the frame that was inferred, as vectors by which a tracker tells them apart.
import type { Detection } from '../contracts/detection.ts';
import type { Frame } from '../contracts/frame.ts';
import type { Ticket } from '../contracts/ticket.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { BatchSet, InferenceEngine } from '../infer/engine.ts';
import type { EmbeddingHead } from '../infer/heads/head.ts';
import type { Printed } from './batch.ts';

/** A smaller object shows nothing that a vector could hold. */
const LEAST_SIDE_PX = 12;

export interface AppearanceDeps {
  readonly engine: InferenceEngine<EmbeddingHead>;
  readonly log: Log;
  /** Weaker detections are not described. */
  readonly minScore: number;
  print(camera: string, ticket: Ticket): Promise<Printed>;
}

/**
 * Describes the surest detections of a frame, as many as one batch holds.
 *
 * Nothing is queued: while all batch sets are taken, frames go on without vectors, and so does an object whose crop cannot
 * be printed any more. A tracker then goes by place alone.
 */
export class AppearanceStage {
  private readonly deps: AppearanceDeps;
  private readonly free: BatchSet[];
  private readonly labels: ReadonlySet<string>;
  /** One run at a time: outputs are the session's own memory. */
  private lane: Promise<unknown> = Promise.resolve();

  constructor(deps: AppearanceDeps) {
    this.deps = deps;
    this.free = [...deps.engine.sets];
    this.labels = new Set(deps.engine.manifest.labels);
  }

  /** The same detections in the same order, some with an embedding. Never rejects; a failed run is logged. */
  async describe(frame: Frame, detections: readonly Detection[]): Promise<readonly Detection[]> {
    const chosen = this.choose(frame, detections);
    const set = chosen.length > 0 ? this.free.pop() : undefined;
    if (set === undefined) return detections;
    const { log } = this.deps;
    try {
      const vectors = await this.vectorsOf(frame, chosen, set);
      return detections.map((detection) => {
        const embedding = vectors.get(detection);
        return embedding === undefined ? detection : { ...detection, embedding };
      });
    } catch (error) {
      log.error(
        { stage: 'infer', camera: frame.camera, cause: causeText(error) },
        'describing objects failed',
      );
      return detections;
    } finally {
      this.free.push(set);
    }
  }

  /** Detections come in falling order of score. */
  private choose(frame: Frame, detections: readonly Detection[]): readonly Detection[] {
    const { engine, minScore } = this.deps;
    return detections
      .filter(({ box: [, , w, h], label, score }) => {
        const sidePx = Math.min(w * frame.widthPx, h * frame.heightPx);
        return score >= minScore && sidePx >= LEAST_SIDE_PX && this.labels.has(label);
      })
      .slice(0, engine.sets[0]!.capacity);
  }

  private async vectorsOf(
    frame: Frame,
    chosen: readonly Detection[],
    set: BatchSet,
  ): Promise<ReadonlyMap<Detection, Float32Array>> {
    const { engine, print } = this.deps;
    const { sequence, camera } = frame;
    const printed = await Promise.all(
      chosen.map(({ box: rectangle }, position) => {
        const offset = set.offset + position * set.bytesPerFrame;
        return print(camera, { sequence, rectangle, format: engine.format, offset });
      }),
    );
    if (printed.every((one) => 'refused' in one)) return new Map();
    const run = this.lane.then(() =>
      engine.run(set, chosen.length, (outputs) =>
        chosen.map((_, position) => engine.head.describe(outputs, position)),
      ),
    );
    this.lane = run.catch(() => undefined);
    const vectors = await run;
    return new Map(
      chosen.flatMap((detection, i) =>
        'refused' in printed[i]! ? [] : [[detection, vectors[i]!]],
      ),
    );
  }
}
