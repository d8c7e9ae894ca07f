// Opens what a configuration infers with: the detector, and beside it the model that describes what it found.
import type { ModelManifest } from '../contracts/model.ts';
import type { Log } from '../core/log.ts';
import { describeRuntime } from '../native/session.ts';
import type { InferenceEngine } from './engine.ts';
import type { EmbeddingHead } from './heads/head.ts';
import type { Layout } from './layout.ts';
import type { MeasurementFile } from './measurement-file.ts';
import { type AppearanceModel, embeddingBytes, openEmbedding } from './open-embedding.ts';
import { type OpenedEngine, openEngine, type RuntimeSettings } from './open-engine.ts';

export interface OpenModelsOptions {
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
  /** All models and the arena. */
  close(): Promise<void>;
}

/** As `openEngine`; what describes takes the detector's provider, or the CPU where that refuses it. */
export async function openModels(options: OpenModelsOptions): Promise<OpenedModels> {
  const { manifest, appearance, library, settings, log } = options;
  const described = describeRuntime(library);
  const opened = await openEngine({
    ...options,
    runtime: { library, ...described },
    extraBytes: options.extraBytes + embeddingBytes(appearance),
  });
  const { engine, layout, arena } = opened;
  const { provider } = engine;
  const close = async (describing?: InferenceEngine<EmbeddingHead>): Promise<void> => {
    await Promise.all([engine.close(), describing?.close()]);
    arena.close();
  };
  try {
    const { plugins, provider_options: providerOptions } = settings;
    const detector = { library, provider, providerOptions, plugins };
    const describing = appearance && (await openEmbedding(appearance, detector, arena, log));
    const fields = { model: manifest.name, provider, ...layout };
    log.info({ ...fields, runtime: described.version, library }, 'model ready');
    return { ...opened, describing, close: () => close(describing) };
  } catch (error) {
    await close();
    throw error;
  }
}
