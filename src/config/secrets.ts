// Showing a configuration without its secrets, and taking back what was shown.

import { type Document, isScalar, visit } from 'yaml';
import { redactText } from '../core/redact.ts';
import { valueAt } from './plain-data.ts';
import { metadataAt, type Path, type SchemaNode } from './schema/keys.ts';

const HIDDEN = '***';
const ONLY_REFERENCE = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/;

/** A copy of `data`, as written, with `***` for secrets. References say where a secret is; they stay. */
export function hideSecrets(data: unknown, schema: SchemaNode, path: Path = []): unknown {
  if (typeof data === 'string') return hidden(data, schema, path);
  if (Array.isArray(data)) {
    return data.map((item, index) => hideSecrets(item, schema, [...path, index]));
  }
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, hideSecrets(value, schema, [...path, key])]),
  );
}

function hidden(text: string, schema: SchemaNode, path: Path): string {
  const isSecret = metadataAt(schema, path)?.secret && !ONLY_REFERENCE.test(text);
  return isSecret ? HIDDEN : redactText(text);
}

/**
 * Puts the secrets of `current` back where `document` has what `hideSecrets` made of them, so that
 * somebody can get a configuration, edit it and send it back. Returns whether it put any.
 */
export function restoreSecrets(document: Document, current: unknown, schema: SchemaNode): boolean {
  let isChanged = false;
  visit(document, {
    Scalar(position, node, ancestors) {
      if (position === 'key' || typeof node.value !== 'string' || !node.value.includes(HIDDEN))
        return;
      const path = pathOf(position, ancestors);
      const known = valueAt(current, path);
      if (typeof known !== 'string' || hidden(known, schema, path) !== node.value) return;
      isChanged ||= known !== node.value;
      node.value = known;
    },
  });
  return isChanged;
}

function pathOf(position: number | 'key' | 'value' | null, ancestors: readonly unknown[]): Path {
  const path: (string | number)[] = [];
  for (const [index, node] of [...ancestors].entries()) {
    if (typeof node === 'object' && node !== null && 'key' in node && isScalar(node.key)) {
      path.push(String(node.key.value));
      continue;
    }
    const items = (node as { items?: readonly unknown[] }).items;
    const next = ancestors[index + 1];
    if (items === undefined) continue;
    const at = next === undefined ? position : items.indexOf(next);
    if (typeof at === 'number' && !isPairLike(next ?? items[at])) path.push(at);
  }
  return path;
}

function isPairLike(node: unknown): boolean {
  return typeof node === 'object' && node !== null && 'key' in node;
}
