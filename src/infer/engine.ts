// A model opened as several one-thread sessions, and the batch sets of arena memory that they read.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ModelManifest } from '../contracts/model.ts';
import { type PrintFormat, printedBytes } from '../contracts/ticket.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Arena } from '../native/arena.ts';
import type { AskedPrint } from '../native/camera-link.ts';
import {
  type InputBinding,
  type OutputView,
  type RunInputs,
  runInputs,
  Session,
} from '../native/session.ts';
import { detectionHead } from './heads/detection-heads.ts';
import type { DetectionHead, Head } from './heads/head.ts';

export interface EngineOptions {
  /** Path of the ONNX Runtime library. */
  readonly library: string;
  readonly provider: string;
  readonly providerOptions: Readonly<Record<string, string>>;
  readonly plugins: readonly { readonly name: string; readonly library: string }[];
  /** On CPUs one session per core: measured 1.3 to 2.4 times as fast as one session with many threads. */
  readonly sessions: number;
  readonly threads: number;
  /** Frames per run, at most what the model takes. */
  readonly batch: number;
}

/** Room for one batch: position `i` is printed at `offset + i * bytesPerFrame` of the arena. */
export interface BatchSet {
  readonly lane: number;
  readonly offset: number;
  readonly bytesPerFrame: number;
  readonly capacity: number;
}

/** While one set of a lane is inferred, the other is printed. */
const SETS_PER_LANE = 2;

/** Bytes of the arena that an engine reserves. */
export function arenaBytesFor(manifest: ModelManifest, sessions: number, batch: number): number {
  const capacity = capacityFor(manifest, batch);
  return sessions * SETS_PER_LANE * align(capacity * printedBytes(printFormatOf(manifest)));
}

/** Frames that all sets of an engine hold. */
export function framesUnderWay(manifest: ModelManifest, sessions: number, batch: number): number {
  return sessions * SETS_PER_LANE * capacityFor(manifest, batch);
}

/** The ticket format that the model's input asks for. */
export function printFormatOf(manifest: ModelManifest): PrintFormat {
  const { widthPx, heightPx, layout, order, dtype, fit, pad, mean, scale } = manifest.input;
  return { widthPx, heightPx, layout, order, dtype, fit, pad, mean, scale };
}

/** Reads the model once and refuses bytes that are not those of the manifest. */
export async function readModel(manifest: ModelManifest): Promise<Buffer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(manifest.path);
  } catch (error) {
    throw new AgentError('MODEL_UNREADABLE', { path: manifest.path, cause: causeText(error) });
  }
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== manifest.sha256) {
    throw new AgentError('MODEL_HASH_MISMATCH', {
      path: manifest.path,
      actual,
      expected: manifest.sha256,
    });
  }
  return bytes;
}

export class InferenceEngine<Kind extends Head = DetectionHead> {
  readonly manifest: ModelManifest;
  readonly head: Kind;
  readonly format: PrintFormat;
  readonly sets: readonly BatchSet[];
  readonly provider: string;
  /** The only batches that are run, ascending; undefined: all. */
  readonly batchSizes: readonly number[] | undefined;
  private readonly sessions: readonly Session[];
  private readonly arena: Arena;
  /** By the number of frames. */
  private readonly inputs = new Map<BatchSet, RunInputs[]>();

  private constructor(
    head: Kind,
    manifest: ModelManifest,
    sessions: readonly Session[],
    arena: Arena,
    batch: number,
  ) {
    this.manifest = manifest;
    this.head = head;
    this.format = printFormatOf(manifest);
    this.sessions = sessions;
    this.arena = arena;
    this.provider = sessions[0]!.provider;
    this.batchSizes = batchSizesOf(manifest, this.provider, batch);
    const bytesPerFrame = printedBytes(this.format);
    this.sets = sessions.flatMap((_, lane) =>
      Array.from({ length: SETS_PER_LANE }, () => ({
        lane,
        offset: arena.reserve(align(batch * bytesPerFrame)),
        bytesPerFrame,
        capacity: batch,
      })),
    );
  }

  /** Opens a model that finds objects, as `openAs`. */
  static async open(
    manifest: ModelManifest,
    options: EngineOptions,
    arena: Arena,
  ): Promise<InferenceEngine> {
    return InferenceEngine.openAs(detectionHead(manifest), manifest, options, arena);
  }

  /**
   * Checks the model's hash, opens the sessions and infers one blank batch in each, so that the first
   * real frame does not pay for lazy initialisation.
   */
  static async openAs<Kind extends Head>(
    head: Kind,
    manifest: ModelManifest,
    options: EngineOptions,
    arena: Arena,
  ): Promise<InferenceEngine<Kind>> {
    const model = await readModel(manifest);
    const batch = capacityFor(manifest, options.batch);
    const sessions = await Promise.all(
      Array.from({ length: options.sessions }, () =>
        Session.open({
          library: options.library,
          model,
          name: manifest.name,
          provider: options.provider,
          providerOptions: { ...options.providerOptions },
          threads: options.threads,
          plugins: [...options.plugins],
          ...(batch === 1 && { dimensions: head.dimensions?.(manifest) ?? {} }),
        }),
      ),
    );
    const problem = head.refuses(manifest, sessions[0]!.outputs);
    if (problem !== undefined) {
      await Promise.all(sessions.map((session) => session.close()));
      throw new AgentError('MODEL_UNSUPPORTED', { path: manifest.path, cause: problem });
    }
    const engine = new InferenceEngine(head, manifest, sessions, arena, batch);
    try {
      for (const size of engine.batchSizes ?? [batch]) {
        await Promise.all(engine.sets.map((set) => engine.run(set, size, () => undefined)));
      }
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /**
   * Infers the first `count` positions of `set` and hands the outputs to `read`, in which they are valid. Where only
   * some batch sizes are run, the positions up to the next one are inferred with what lies there, and to be ignored.
   *
   * One run per lane at a time: the outputs are the session's own memory and the next run overwrites them.
   */
  async run<Result>(
    set: BatchSet,
    count: number,
    read: (outputs: readonly OutputView[]) => Result,
  ): Promise<Result> {
    const outputs = await this.sessions[set.lane]!.run(this.inputsFor(set, count));
    return read(outputs);
  }

  /**
   * As `run`, for a set whose positions are still being printed: one print for each, undefined where none was asked for.
   * A lane may be given its next set before the last one is done. `read` gets no outputs when nothing was printed;
   * `tookMs` is the run alone.
   */
  async runPrinted(
    set: BatchSet,
    prints: readonly (AskedPrint | undefined)[],
    read: (outputs: readonly OutputView[] | undefined, tookMs: number) => void,
  ): Promise<void> {
    const asked = prints.filter((print) => print !== undefined);
    if (asked.length === 0) {
      read(undefined, 0);
      return;
    }
    await this.sessions[set.lane]!.runPrinted(this.runInputsFor(set, prints.length), asked, read);
  }

  /** Also gives its part of the arena back. */
  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()));
    for (const { offset, bytesPerFrame, capacity } of this.sets) {
      this.arena.release(offset, align(capacity * bytesPerFrame));
    }
  }

  private runInputsFor(set: BatchSet, count: number): RunInputs {
    const known = this.inputs.get(set) ?? [];
    this.inputs.set(set, known);
    known[count] ??= runInputs(this.inputsFor(set, count));
    return known[count];
  }

  private inputsFor({ offset }: BatchSet, count: number): InputBinding[] {
    const { name, dtype, layout, widthPx, heightPx } = this.manifest.input;
    const planes = layout === 'planar' ? [3, heightPx, widthPx] : [heightPx, widthPx, 3];
    const size = paddedSize(count, this.batchSizes);
    return [
      { name, dtype, shape: [size, ...planes], arena: this.arena, offset },
      ...(this.head.inputs?.(this.manifest, size) ?? []),
    ];
  }
}

/** Frames per batch: what was asked for, raised to the smallest batch that the model takes. */
export function capacityFor({ batchSizes, maxBatch }: ModelManifest, wanted: number): number {
  if (batchSizes === undefined) return Math.max(1, Math.min(wanted, maxBatch));
  return batchSizes.findLast((size) => size <= wanted) ?? batchSizes[0]!;
}

/** TensorRT builds an engine for every shape that it sees, for minutes: it sees one. */
export function batchSizesOf(
  { batchSizes }: ModelManifest,
  provider: string,
  capacity: number,
): readonly number[] | undefined {
  if (provider === 'tensorrt') return [capacity];
  return batchSizes?.filter((size) => size <= capacity);
}

/** The smallest of `sizes` that holds `count` frames; `count` itself where every size is run. */
export function paddedSize(count: number, sizes: readonly number[] | undefined): number {
  return sizes?.find((size) => size >= count) ?? count;
}

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
