// Finds a model's outputs by name.
import type { OutputView, TensorInfo } from '../../native/session.ts';

/** Only after the head has not refused the model: the output is there. */
export function named(outputs: readonly OutputView[], name: string): OutputView {
  return outputs.find((output) => output.name === name)!;
}

export function names(outputs: readonly TensorInfo[]): string {
  return outputs.map((output) => output.name).join(', ');
}
