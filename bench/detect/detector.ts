// A picture in memory through the print kernel, a session, head and suppression: what the daemon does with a frame.
import type { Detection } from '../../src/contracts/detection.ts';
import { type Box, WHOLE_FRAME } from '../../src/contracts/geometry.ts';
import type { ModelManifest } from '../../src/contracts/model.ts';
import { readDetections } from '../../src/infer/detections.ts';
import { arenaBytesFor, InferenceEngine } from '../../src/infer/engine.ts';
import { Arena } from '../../src/native/arena.ts';
import { type PixelSource, printPixels } from '../../src/native/print.ts';
import { findRuntimeLibrary } from '../../src/native/runtime-library.ts';

/** One session with one thread, one picture at a time. */
export class Detector {
  readonly manifest: ModelManifest;
  private readonly engine: InferenceEngine;
  private readonly arena: Arena;

  private constructor(manifest: ModelManifest, engine: InferenceEngine, arena: Arena) {
    this.manifest = manifest;
    this.engine = engine;
    this.arena = arena;
  }

  static async open(manifest: ModelManifest): Promise<Detector> {
    const arena = Arena.create(arenaBytesFor(manifest, 1, 1));
    const layout = { sessions: 1, threads: 1, batch: 1 };
    const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
    const provider = { provider: 'cpu', providerOptions: {}, plugins: [] };
    const options = { library, ...provider, ...layout };
    return new Detector(manifest, await InferenceEngine.open(manifest, options, arena), arena);
  }

  /** What the model finds in `rectangle` of the picture, in fractions of the whole. */
  async detect(
    picture: PixelSource,
    minScore: number,
    rectangle: Box = WHOLE_FRAME,
  ): Promise<Detection[]> {
    const { engine, arena } = this;
    const set = engine.sets[0]!;
    const placement = printPixels(picture, rectangle, engine.format, arena, set.offset);
    const print = { placement, rectangle };
    return engine.run(set, 1, (outputs) => readDetections(engine, outputs, 0, print, minScore));
  }

  /** Infers what was printed last and reads nothing of it. */
  async infer(): Promise<void> {
    await this.engine.run(this.engine.sets[0]!, 1, () => undefined);
  }

  async close(): Promise<void> {
    await this.engine.close();
    this.arena.close();
  }
}
