// Opens the model with the first execution provider that really infers it, in the layout that suits this machine.
import { availableParallelism } from 'node:os';
import type { Fingerprint } from '../contracts/capacity.ts';
import { type Choice, PROVIDERS } from '../contracts/hardware.ts';
import type { ModelManifest } from '../contracts/model.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Arena } from '../native/arena.ts';
import { type Calibration, type Contender, calibrate, calibrationText } from './calibration.ts';
import { arenaBytesFor, framesUnderWay, InferenceEngine } from './engine.ts';
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
  /** With the room that `engineRoom` tells; absent: one is made. */
  readonly arena?: Arena | undefined;
  /** Where layouts are kept over starts; without one they are measured each time. */
  readonly layouts?: MeasurementFile<Layout> | undefined;
  readonly log: Log;
}

export interface OpenedEngine {
  readonly engine: InferenceEngine;
  readonly layout: Layout;
  /** Its own or the one that was given; also holds `extraBytes` for whoever prints besides the engine. */
  readonly arena: Arena;
  /** What was tried, in order, with the reason why it was or was not taken. */
  readonly choices: readonly Choice[];
  readonly fingerprint: Fingerprint;
}

/** What an engine will need, known before anything is opened. */
export interface EngineRoom {
  /** For every layout that may be measured; what is not touched costs nothing. */
  readonly arenaBytes: number;
  /** At most, with the provider that is there when no other is. */
  readonly framesUnderWay: number;
}

export function engineRoom(options: Omit<OpenEngineOptions, 'arena'>): EngineRoom {
  const { manifest, extraBytes } = options;
  const tried = providersToTry(options).map((provider) => layoutsToTry(provider, options).layouts);
  const bytes = tried.map((layouts) =>
    layouts.reduce((sum, { sessions, batch }) => sum + arenaBytesFor(manifest, sessions, batch), 0),
  );
  const frames = (tried.at(-1) ?? []).map(({ sessions, batch }) =>
    framesUnderWay(manifest, sessions, batch),
  );
  return { arenaBytes: Math.max(...bytes) + extraBytes, framesUnderWay: Math.max(...frames) };
}

/**
 * Tries providers until one opens the model and infers a blank batch.
 *
 * A provider that the operator named is the only one tried: its failure is thrown. With `auto` each
 * failure is kept as the reason in `choices`. The caller closes the engine and the arena. The first start with a
 * model measures which layout is fastest, which takes one to four seconds.
 */
export async function openEngine(options: OpenEngineOptions): Promise<OpenedEngine> {
  const { settings, log } = options;
  const isAuto = settings.provider === 'auto';
  const arena = options.arena ?? Arena.create(engineRoom(options).arenaBytes);
  const choices: Choice[] = [];
  let failure: unknown;
  for (const provider of providersToTry(options)) {
    try {
      const opened = await openWith(provider, options, arena);
      choices.push({ name: provider, usable: true, reason: 'inferred a blank batch' });
      return { ...opened, arena, choices };
    } catch (error) {
      failure = error;
      if (!isAuto || isHopeless(error)) break;
      choices.push({ name: provider, usable: false, reason: causeText(error) });
      log.debug({ stage: 'infer', provider, cause: causeText(error) }, 'provider not usable');
    }
  }
  if (options.arena === undefined) arena.close();
  throw failure;
}

function providersToTry({ runtime, settings }: OpenEngineOptions): string[] {
  if (settings.provider !== 'auto') return [settings.provider];
  return PROVIDERS.map(({ name }) => name).filter((name) => runtime.providers.includes(name));
}

/** The layout that was measured before, alone, where it is still one of those that could be chosen. */
function layoutsToTry(
  provider: string,
  { manifest, runtime, settings, layouts }: OpenEngineOptions,
): { readonly layouts: readonly Layout[]; readonly fingerprint: Fingerprint } {
  const fingerprint = fingerprintOf(manifest, runtime, provider);
  const candidates = layoutCandidates({
    provider,
    cores: availableParallelism(),
    sessions: settings.sessions,
    threads: settings.threads,
    batch: settings.batch.max_batch_size,
    maxBatch: manifest.maxBatch,
  });
  const known = candidates.length > 1 ? layouts?.find(fingerprint) : undefined;
  const isKnown = candidates.some(
    (one) => known !== undefined && layoutText(one) === layoutText(known),
  );
  return { layouts: isKnown && known !== undefined ? [known] : candidates, fingerprint };
}

async function openWith(
  provider: string,
  options: OpenEngineOptions,
  arena: Arena,
): Promise<Omit<OpenedEngine, 'choices' | 'arena'>> {
  const { layouts, log } = options;
  const { layouts: candidates, fingerprint } = layoutsToTry(provider, options);
  const { contender, layout, measured }: Calibration<OpenContender> = await calibrate({
    candidates,
    open: (layout) => openContender(provider, layout, options, arena),
    nowMs: () => performance.now(),
  });
  if (measured.length > 0) {
    log.info({ stage: 'infer', provider }, `layout ${calibrationText(layout, measured)}`);
    layouts?.keep(fingerprint, layout);
  }
  return { engine: contender.engine, layout, fingerprint };
}

interface OpenContender extends Contender {
  readonly engine: InferenceEngine;
}

async function openContender(
  provider: string,
  layout: Layout,
  { manifest, runtime, settings }: OpenEngineOptions,
  arena: Arena,
): Promise<OpenContender> {
  const { library } = runtime;
  const { provider_options: providerOptions, plugins } = settings;
  const engine = await InferenceEngine.open(
    manifest,
    { library, provider, providerOptions, plugins, ...layout },
    arena,
  );
  return {
    engine,
    measure: async (windowMs) => {
      const { undisturbedFps, runMs } = await measureThroughput(engine, windowMs, layout.threads);
      return { fps: undisturbedFps, runMs };
    },
    close: () => engine.close(),
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
