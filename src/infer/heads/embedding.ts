// Re-identification models: one vector per picture, [batch, length], whose angle to another tells how alike two objects look.
import type { EmbeddingHead } from './head.ts';
import { names } from './outputs.ts';

export const embeddingHead: EmbeddingHead = {
  name: 'embedding',

  refuses(manifest, outputs) {
    if (manifest.head !== 'embedding') {
      return `its head is ${manifest.head}, and a vector per picture is wanted (head embedding)`;
    }
    const [vectors] = outputs;
    const isOne =
      outputs.length === 1 && vectors?.shape.length === 2 && vectors.dtype === 'float32';
    return isOne
      ? undefined
      : `outputs are ${names(outputs)}, expected one of [batch, length] floats`;
  },

  describe([vectors], slot) {
    const length = vectors!.shape[1]!;
    const data = vectors!.data as Float32Array;
    const vector = data.slice(slot * length, (slot + 1) * length);
    let squares = 0;
    for (const value of vector) squares += value * value;
    if (squares > 0) for (let i = 0; i < length; i++) vector[i]! /= Math.sqrt(squares);
    return vector;
  },
};
