// Opens the model with the first execution provider that really infers it, in the layout that suits this machine.
import { availableParallelism } from 'node:os';
import type { Fingerprint } from '../contracts/capacity.ts';
import { type Choice, PROVIDERS } from '../contracts/hardware.ts';
import type { ModelManifest } from '../contracts/model.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Arena } from '../native/arena.ts';
import { type Calibration, type Contender, calibrate, calibrationText } from './calibration.ts';
import { arenaBytesFor, InferenceEngine } from './engine.ts';
import { fingerprintOf } from './fingerprint.ts';
import { type Layout, layoutCandidates, layoutText } from './layout.ts';
import type { MeasurementFile } from './measurement-file.ts';
import { measureThroughput } from './throughput.ts';

/** Section `runtime` of the configuration. */
export interface RuntimeSettings {
  readonly provider: string;
  readonly provider_options: Readonly<Record<string, string>>;
  readonly sessions: number | 'auto';
  readonly threads: number | 'auto';
  readonly batch: { readonly max_batch_size: number | 'auto' };
  readonly plugins: readonly { readonly name: string; readonly library: string }[];
}

export interface OpenEngineOptions {
  readonly manifest: ModelManifest;
  /** The library that was found, and the providers that it was built with. */
  readonly runtime: {
    readonly library: string;
    readonly version: string;
    readonly providers: readonly string[];
  };
  readonly settings: RuntimeSettings;
  /** Of the arena, for whoever prints besides the engine. */
  readonly extraBytes: number;
  /** Where layouts are kept over starts; without one they are measured each time. */
  readonly layouts?: MeasurementFile<Layout> | undefined;
  readonly log: Log;
}

export interface OpenedEngine {
  readonly engine: InferenceEngine;
  readonly layout: Layout;
  /** Also holds `extraBytes` for whoever prints besides the engine. */
  readonly arena: Arena;
  /** What was tried, in order, with the reason why it was or was not taken. */
  readonly choices: readonly Choice[];
  readonly fingerprint: Fingerprint;
}

/**
 * Tries providers until one opens the model and infers a blank batch.
 *
 * A provider that the operator named is the only one tried: its failure is thrown. With `auto` each
 * failure is kept as the reason in `choices`. The arena is made here, because its size follows from
 * the provider's sessions and batch; the caller closes both. The first start with a model measures which
 * layout is fastest, which takes one to four seconds.
 */
export async function openEngine(options: OpenEngineOptions): Promise<OpenedEngine> {
  const { runtime, settings, log } = options;
  const isAuto = settings.provider === 'auto';
  const order = isAuto
    ? PROVIDERS.map(({ name }) => name).filter((name) => runtime.providers.includes(name))
    : [settings.provider];
  const choices: Choice[] = [];
  let failure: unknown;
  for (const provider of order) {
    try {
      const opened = await openWith(provider, options);
      choices.push({ name: provider, usable: true, reason: 'inferred a blank batch' });
      return { ...opened, choices };
    } catch (error) {
      if (!isAuto || isHopeless(error)) throw error;
      failure = error;
      choices.push({ name: provider, usable: false, reason: causeText(error) });
      log.debug({ stage: 'infer', provider, cause: causeText(error) }, 'provider not usable');
    }
  }
  throw failure;
}

async function openWith(
  provider: string,
  options: OpenEngineOptions,
): Promise<Omit<OpenedEngine, 'choices'>> {
  const { manifest, runtime, settings, layouts, log } = options;
  const fingerprint = fingerprintOf(manifest, runtime, provider);
  const candidates = layoutCandidates({
    provider,
    cores: availableParallelism(),
    sessions: settings.sessions,
    threads: settings.threads,
    batch: settings.batch.max_batch_size,
    maxBatch: manifest.maxBatch,
  });
  const isOpen = candidates.length > 1;
  const known = isOpen ? layouts?.find(fingerprint) : undefined;
  const isKnown = candidates.some(
    (one) => known !== undefined && layoutText(one) === layoutText(known),
  );
  const { contender, layout, measured }: Calibration<OpenContender> = await calibrate({
    candidates: isKnown && known !== undefined ? [known] : candidates,
    open: (layout) => openContender(provider, layout, options),
    nowMs: () => performance.now(),
  });
  if (measured.length > 0) {
    log.info({ stage: 'infer', provider }, `layout ${calibrationText(layout, measured)}`);
    layouts?.keep(fingerprint, layout);
  }
  return { engine: contender.engine, arena: contender.arena, layout, fingerprint };
}

interface OpenContender extends Contender {
  readonly engine: InferenceEngine;
  readonly arena: Arena;
}

async function openContender(
  provider: string,
  layout: Layout,
  { manifest, runtime, settings, extraBytes }: OpenEngineOptions,
): Promise<OpenContender> {
  const arena = Arena.create(arenaBytesFor(manifest, layout.sessions, layout.batch) + extraBytes);
  try {
    const engine = await InferenceEngine.open(
      manifest,
      {
        library: runtime.library,
        provider,
        providerOptions: settings.provider_options,
        plugins: settings.plugins,
        ...layout,
      },
      arena,
    );
    return {
      engine,
      arena,
      measure: async (windowMs) => {
        const { undisturbedFps, runMs } = await measureThroughput(engine, windowMs, layout.threads);
        return { fps: undisturbedFps, runMs };
      },
      close: async () => {
        await engine.close();
        arena.close();
      },
    };
  } catch (error) {
    arena.close();
    throw error;
  }
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
