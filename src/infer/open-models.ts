// Opens what a configuration infers with: the detector, and beside it the model that describes what it found.
import type { ModelManifest } from '../contracts/model.ts';
import type { Log } from '../core/log.ts';
import type { Arena } from '../native/arena.ts';
import { describeRuntime } from '../native/session.ts';
import type { InferenceEngine } from './engine.ts';
import type { EmbeddingHead } from './heads/head.ts';
import type { Layout } from './layout.ts';
import type { MeasurementFile } from './measurement-file.ts';
import { type AppearanceModel, embeddingBytes, openEmbedding } from './open-embedding.ts';
import {
  type EngineRoom,
  engineRoom,
  type OpenEngineOptions,
  type OpenedEngine,
  openEngine,
  type RuntimeSettings,
} from './open-engine.ts';

export interface ModelsOptions {
  readonly manifest: ModelManifest;
  readonly appearance: AppearanceModel | undefined;
  /** Path of the ONNX Runtime library. */
  readonly library: string;
  readonly settings: RuntimeSettings;
  /** Of the arena, for whoever prints besides the models. */
  readonly extraBytes: number;
  readonly layouts: MeasurementFile<Layout>;
  readonly log: Log;
}

export interface OpenedModels extends OpenedEngine {
  readonly describing: InferenceEngine<EmbeddingHead> | undefined;
  /** The models; the arena is the caller's. */
  close(): Promise<void>;
}

/** What `openModels` will need of an arena, known at once. */
export function modelsRoom(options: ModelsOptions): EngineRoom {
  return engineRoom(engineOptions(options));
}

/** As `openEngine`; what describes takes the detector's provider, or the CPU where that refuses it. */
export async function openModels(options: ModelsOptions, arena: Arena): Promise<OpenedModels> {
  const { manifest, appearance, library, settings, log } = options;
  const toOpen = engineOptions(options);
  const opened = await openEngine({ ...toOpen, arena });
  const { engine, layout } = opened;
  const { provider } = engine;
  try {
    const { plugins, provider_options: providerOptions } = settings;
    const detector = { library, provider, providerOptions, plugins };
    const describing = appearance && (await openEmbedding(appearance, detector, arena, log));
    const fields = { model: manifest.name, provider, ...layout };
    log.info({ ...fields, runtime: toOpen.runtime.version, library }, 'model ready');
    const close = async () => {
      await Promise.all([engine.close(), describing?.close()]);
    };
    return { ...opened, describing, close };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function engineOptions({ appearance, library, ...options }: ModelsOptions): OpenEngineOptions {
  return {
    ...options,
    runtime: { library, ...describeRuntime(library) },
    extraBytes: options.extraBytes + embeddingBytes(appearance),
  };
}
