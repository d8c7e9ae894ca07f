// Opens the model with the first execution provider that really infers it.
import { availableParallelism } from 'node:os';
import { type Choice, PROVIDERS } from '../contracts/hardware.ts';
import type { ModelManifest } from '../contracts/model.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Arena } from '../native/arena.ts';
import { arenaBytesFor, InferenceEngine } from './engine.ts';

/** Section `runtime` of the configuration. */
export interface RuntimeSettings {
  readonly provider: string;
  readonly provider_options: Readonly<Record<string, string>>;
  readonly sessions: number | 'auto';
  readonly threads: number;
  readonly batch: { readonly max_batch_size: number | 'auto' };
  readonly plugins: readonly { readonly name: string; readonly library: string }[];
}

export interface OpenedEngine {
  readonly engine: InferenceEngine;
  /** Also holds `extraBytes` for whoever prints besides the engine. */
  readonly arena: Arena;
  /** What was tried, in order, with the reason why it was or was not taken. */
  readonly choices: readonly Choice[];
}

/** Frames per run on accelerators; CPUs gain nothing from batches (measured) and wait for them. */
const ACCELERATOR_BATCH = 8;

/**
 * Tries providers until one opens the model and infers a blank batch.
 *
 * A provider that the operator named is the only one tried: its failure is thrown. With `auto` each
 * failure is kept as the reason in `choices`. The arena is made here, because its size follows from
 * the provider's sessions and batch; the caller closes both.
 */
export async function openEngine(
  manifest: ModelManifest,
  library: string,
  available: readonly string[],
  settings: RuntimeSettings,
  extraBytes: number,
  log: Log,
): Promise<OpenedEngine> {
  const isAuto = settings.provider === 'auto';
  const order = isAuto
    ? PROVIDERS.map(({ name }) => name).filter((name) => available.includes(name))
    : [settings.provider];
  const choices: Choice[] = [];
  let failure: unknown;
  for (const provider of order) {
    const layout = layoutFor(provider, manifest, settings);
    const arena = Arena.create(arenaBytesFor(manifest, layout.sessions, layout.batch) + extraBytes);
    try {
      const engine = await InferenceEngine.open(
        manifest,
        {
          library,
          provider,
          providerOptions: settings.provider_options,
          plugins: settings.plugins,
          ...layout,
        },
        arena,
      );
      choices.push({ name: provider, usable: true, reason: 'inferred a blank batch' });
      return { engine, arena, choices };
    } catch (error) {
      arena.close();
      if (!isAuto || isHopeless(error)) throw error;
      failure = error;
      choices.push({ name: provider, usable: false, reason: causeText(error) });
      log.debug({ stage: 'infer', provider, cause: causeText(error) }, 'provider not usable');
    }
  }
  throw failure;
}

function layoutFor(
  provider: string,
  manifest: ModelManifest,
  settings: RuntimeSettings,
): { sessions: number; threads: number; batch: number } {
  const isCpu = provider === 'cpu' || provider === 'xnnpack';
  const { max_batch_size: size } = settings.batch;
  const automaticSessions = isCpu ? availableParallelism() : 1;
  return {
    sessions: settings.sessions === 'auto' ? automaticSessions : settings.sessions,
    threads: settings.threads,
    batch: Math.min(size === 'auto' ? (isCpu ? 1 : ACCELERATOR_BATCH) : size, manifest.maxBatch),
  };
}

/** No other provider makes a wrong file right. */
function isHopeless(error: unknown): boolean {
  const codes: string[] = [
    'MODEL_UNREADABLE',
    'MODEL_HASH_MISMATCH',
    'MODEL_UNSUPPORTED',
    'RUNTIME_UNAVAILABLE',
  ];
  return error instanceof AgentError && codes.includes(error.code);
}
