// A model in ONNX Runtime, called through its C API by the native part: the event loop never waits for an inference.
import { isMainThread } from 'node:worker_threads';
import { AgentError } from '../core/errors.ts';
import type { Arena } from './arena.ts';
import { asAgentError, callNative, loadNative } from './binding.ts';
import type { AskedPrint } from './camera-link.ts';

export type TensorType = 'float32' | 'float16' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool';

export interface TensorInfo {
  readonly name: string;
  readonly dtype: TensorType;
  /** A name or `?` where each run decides. */
  readonly shape: readonly (number | string)[];
}

/** Memory that the run reads where it lies: `offset` in `arena`, or `data`. Not to be changed until the run is over. */
export interface InputBinding {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly arena?: Arena;
  readonly offset?: number;
  readonly data?: NodeJS.TypedArray;
}

export interface OutputView {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  /** Native memory, not a copy. float16 comes as the bits of each number, bool as 0 and 1. */
  readonly data: Float32Array | Uint16Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;
}

export interface SessionOptions {
  /** Path of libonnxruntime.so; see findRuntimeLibrary. */
  readonly library: string;
  /** The bytes whose SHA-256 was checked; needed until `open` has resolved. */
  readonly model: Uint8Array;
  /** Of the model, for errors. */
  readonly name: string;
  /** cpu, cuda, tensorrt, openvino, xnnpack …, or the name of one of `plugins`. */
  readonly provider: string;
  /** In the provider's own words, e.g. `trt_fp16_enable: '1'` or `device_type: 'GPU'`. */
  readonly providerOptions?: Readonly<Record<string, string>>;
  /** Threads within one operator. More than one never pays on CPUs: open more sessions instead. */
  readonly threads: number;
  /** Providers that come as libraries of their own (ONNX Runtime 1.22 or newer). */
  readonly plugins?: readonly { readonly name: string; readonly library: string }[];
  /**
   * Sizes of dimensions that the model leaves open, by their names in it; no run may have others. What follows from them
   * is computed at opening, once. A name that the model does not have is passed over.
   */
  readonly dimensions?: Readonly<Record<string, number>>;
}

export interface RuntimeDescription {
  readonly version: string;
  /** Compiled in; whether they work on this machine shows only when a session runs on them. */
  readonly providers: readonly string[];
}

interface ModelDescription {
  readonly inputs: TensorInfo[];
  readonly outputs: TensorInfo[];
  readonly metadata: Record<string, string>;
  readonly warnings: string[];
}

interface NativeInput {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** What a run reads: made once for as many runs as are to read the same memory. */
export type RunInputs = readonly NativeInput[];

/** True: the outputs are read in the same turn of the event loop, not before this returns. */
type RunDone = (error: unknown, outputs: OutputView[] | undefined, tookMs: number) => boolean;

interface NativeSession {
  open(options: object): Promise<ModelDescription>;
  run(inputs: RunInputs, prints: readonly unknown[], done: RunDone): void;
  close(): Promise<void>;
}

interface SessionExports {
  Session: new () => NativeSession;
  describeRuntime(library: string): RuntimeDescription;
  prepareExit(): void;
}

const BYTES: Record<TensorType, number> = {
  float32: 4,
  float16: 2,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
};

/** Loads the library if need be. Throws RUNTIME_UNAVAILABLE with the path and what is wrong with it. */
export function describeRuntime(library: string): RuntimeDescription {
  return callNative(() => loadNative<SessionExports>().describeRuntime(library));
}

/**
 * One model on one execution provider, with a thread of its own.
 *
 * Runs that wait for no prints are done in the order in which they were asked for. The views that a run delivers are valid until the next run
 * is asked for; when that one waits already, read them before awaiting anything else.
 */
export class Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** The model's own notes: labels, stride, task … as its exporter wrote them. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly provider: string;
  /** What ONNX Runtime warned of at loading, e.g. operators that the provider leaves to the CPU. */
  readonly warnings: readonly string[];
  readonly #native: NativeSession;
  readonly #name: string;
  #closed: Promise<void> | undefined;

  private constructor(native: NativeSession, options: SessionOptions, model: ModelDescription) {
    this.#native = native;
    this.#name = options.name;
    this.provider = options.provider;
    this.inputs = model.inputs;
    this.outputs = model.outputs;
    this.metadata = model.metadata;
    this.warnings = model.warnings;
  }

  /**
   * Loads the model on the session's own thread; minutes where TensorRT builds an engine.
   * Rejects with RUNTIME_UNAVAILABLE, PROVIDER_UNAVAILABLE or MODEL_UNREADABLE.
   */
  static async open(options: SessionOptions): Promise<Session> {
    guardExit();
    const native = callNative(() => new (loadNative<SessionExports>().Session)());
    const model = await settled(() =>
      native.open({
        ...options,
        providerOptions: Object.entries(options.providerOptions ?? {}),
        plugins: options.plugins ?? [],
        dimensions: Object.entries(options.dimensions ?? {}),
      }),
    );
    return new Session(native, options, model);
  }

  /** Rejects with TENSOR_MISMATCH before anything runs, or with INFERENCE_FAILED; the session stays usable. */
  run(inputs: readonly InputBinding[]): Promise<OutputView[]> {
    return new Promise((resolve, reject) => {
      this.#start(runInputs(inputs), [], (error, outputs = []) => {
        if (error === undefined) resolve(outputs);
        else reject(asAgentError(error));
        return true;
      });
    });
  }

  /**
   * As `run`, when all `prints` are answered or their cameras are gone; runs asked for later whose prints are answered go
   * ahead. `read` gets no outputs when nothing was printed, and keeps none of them; `tookMs`: the run alone.
   */
  runPrinted(
    inputs: RunInputs,
    prints: readonly AskedPrint[],
    read: (outputs: readonly OutputView[] | undefined, tookMs: number) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#start(inputs, prints, (error, outputs, tookMs) => {
        try {
          if (error !== undefined) throw asAgentError(error);
          read(outputs, tookMs);
          resolve();
        } catch (problem) {
          reject(problem);
        }
        return false;
      });
    });
  }

  #start(inputs: RunInputs, prints: readonly AskedPrint[], done: RunDone): void {
    if (this.#closed !== undefined) throw this.#closedError();
    const pairs: unknown[] = [];
    for (const { link, ticket } of prints) pairs.push(link, ticket);
    callNative(() => this.#native.run(inputs, pairs, done));
  }

  /** Ends the present run at its next operator; it and those that wait reject with INFERENCE_FAILED. */
  close(): Promise<void> {
    this.#closed ??= this.#native.close();
    return this.#closed;
  }

  #closedError(): AgentError {
    return new AgentError('INFERENCE_FAILED', {
      path: this.#name,
      provider: this.provider,
      cause: 'the session was closed',
    });
  }
}

let isExitGuarded = false;

/** `process.exit` waits for no thread; without this it would take ONNX Runtime apart under a running session. */
function guardExit(): void {
  if (isExitGuarded || !isMainThread) return;
  isExitGuarded = true;
  process.once('exit', () => loadNative<SessionExports>().prepareExit());
}

/** Of `Session.runPrinted`; throws TENSOR_MISMATCH where an input has no memory. */
export function runInputs(inputs: readonly InputBinding[]): RunInputs {
  return inputs.map((input) => ({
    name: input.name,
    dtype: input.dtype,
    shape: input.shape,
    bytes: memoryOf(input),
  }));
}

function memoryOf(input: InputBinding): Uint8Array {
  const { name, dtype, shape, arena, offset = 0, data } = input;
  if (data !== undefined) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (arena === undefined) {
    throw new AgentError('TENSOR_MISMATCH', { name, cause: 'it has neither an arena nor data' });
  }
  const bytes = shape.reduce((product, size) => product * size, BYTES[dtype]);
  return arena.view(offset, bytes);
}

async function settled<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asAgentError(error);
  }
}
