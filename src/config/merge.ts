// Changing parts of a YAML text so that the rest, comments included, stays as people wrote it.

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { isBlock } from './plain-data.ts';
import { configSchema } from './schema/config.ts';
import { type Path, rootOf } from './schema/keys.ts';
import { restoreSecrets } from './secrets.ts';

const PARSE_OPTIONS = { logLevel: 'error', merge: true, stringKeys: true } as const;

/**
 * `text` with `patch` merged into it as RFC 7396 says: blocks are merged, null removes a key, anything
 * else replaces. A camera, one of its streams or a model in its short form becomes a block when keys are
 * added to it.
 */
export function mergePatch(text: string, patch: unknown): string {
  const document: Document = parseDocument(text, PARSE_OPTIONS);
  const current: unknown = document.toJS();
  document.contents = merged(document, document.contents, patch, []);
  restoreSecrets(document, current, rootOf(configSchema));
  return document.toString({ lineWidth: 0 });
}

/** `text` with the secrets that it only hints at (`***`) taken from `current`. */
export function completeSecrets(text: string, current: string): string {
  const document: Document = parseDocument(text, PARSE_OPTIONS);
  if (document.errors.length > 0) return text;
  const known: unknown = parseDocument(current, PARSE_OPTIONS).toJS();
  const isChanged = restoreSecrets(document, known, rootOf(configSchema));
  return isChanged ? document.toString({ lineWidth: 0 }) : text;
}

/** The YAML text of plain data. */
export function toYaml(data: unknown): string {
  const document: Document = parseDocument('', PARSE_OPTIONS);
  document.contents = document.createNode(data) as Node;
  return document.toString({ lineWidth: 0 });
}

function merged(document: Document, target: unknown, patch: unknown, path: Path): Node {
  if (!isBlock(patch)) return document.createNode(patch) as Node;
  const map = blockOf(document, target, path);
  for (const [key, value] of Object.entries(patch)) {
    const inner = map.get(key, true);
    if (value === null) map.delete(key);
    else if (isScalar(inner) && !isBlock(value) && !Array.isArray(value)) inner.value = value;
    else map.set(key, merged(document, inner, value, [...path, key]));
  }
  return map;
}

function blockOf(document: Document, target: unknown, path: Path): YAMLMap {
  if (isMap(target)) return target;
  if (isAlias(target)) {
    const copy = target.resolve(document)?.clone();
    if (isMap(copy)) {
      delete copy.anchor;
      return copy;
    }
  }
  if (isScalar(target) && typeof target.value === 'string') {
    const long = longForm(path, target.value);
    if (long !== undefined) return document.createNode(long) as YAMLMap;
  }
  return document.createNode({}) as YAMLMap;
}

function longForm(path: Path, text: string): Record<string, string> | undefined {
  const isStream = path.length === 4 && path[2] === 'streams';
  if (path[0] === 'cameras' && (path.length === 2 || isStream)) return { url: text };
  if (path.length !== 1 || path[0] !== 'model') return undefined;
  return /\/|\.onnx$/.test(text) ? { path: text } : { name: text };
}
