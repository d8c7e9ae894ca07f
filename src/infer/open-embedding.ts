// Opens the model that describes objects beside the detector: same arena, one session, the detector's provider or the CPU.
import type { ModelManifest } from '../contracts/model.ts';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Arena } from '../native/arena.ts';
import { arenaBytesFor, type EngineOptions, InferenceEngine } from './engine.ts';
import { embeddingHead } from './heads/embedding.ts';
import type { EmbeddingHead } from './heads/head.ts';

/** Section `appearance`: the model, and how many objects of a frame it describes at most. */
export interface AppearanceModel {
  readonly manifest: ModelManifest;
  readonly most: number;
}

/** Bytes of the arena that `openEmbedding` will reserve. */
export function embeddingBytes(model: AppearanceModel | undefined): number {
  return model === undefined ? 0 : arenaBytesFor(model.manifest, 1, model.most);
}

/** Rejects with the CPU's failure when neither opens the model. */
export async function openEmbedding(
  { manifest, most }: AppearanceModel,
  detector: Omit<EngineOptions, 'sessions' | 'threads' | 'batch'>,
  arena: Arena,
  log: Log,
): Promise<InferenceEngine<EmbeddingHead>> {
  const layout = { sessions: 1, threads: 1, batch: most };
  try {
    return await InferenceEngine.openAs(embeddingHead, manifest, { ...detector, ...layout }, arena);
  } catch (error) {
    if (detector.provider === 'cpu') throw error;
    const fields = { stage: 'infer', model: manifest.name, cause: causeText(error) };
    log.warn(fields, `${detector.provider} does not open the appearance model, the CPU does`);
    const onCpu = { ...detector, provider: 'cpu', providerOptions: {}, ...layout };
    return InferenceEngine.openAs(embeddingHead, manifest, onCpu, arena);
  }
}
