// Single keys set from outside: VEDETTE_CONFIG__MQTT__URL=mqtt://broker stands for `mqtt.url`.
import { parse } from 'yaml';
import type { Environment } from './references.ts';
import { childrenOf, nodeAt, type Path, type SchemaNode, takesText } from './schema/keys.ts';

const PREFIX = 'VEDETTE_CONFIG__';

export interface Override {
  readonly variable: string;
  readonly path: Path;
  readonly value: unknown;
}

/**
 * The overrides in `environment`, in the order of their names.
 *
 * Levels are separated by two underscores. Letter case is free; ids that `data` has keep theirs,
 * new ones become lower case. Values are YAML, except where a key takes text.
 */
export function readOverrides(
  environment: Environment,
  data: unknown,
  schema: SchemaNode,
): Override[] {
  return Object.keys(environment)
    .filter((variable) => variable.startsWith(PREFIX) && environment[variable] !== undefined)
    .sort()
    .map((variable) => {
      const path = pathOf(variable.slice(PREFIX.length).split('__'), data, schema);
      return { variable, path, value: overrideValue(environment[variable] ?? '', path, schema) };
    });
}

/** A copy of `data` with the overrides in it. */
export function applyOverrides(data: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce((result, { path, value }) => withValue(result, path, value), data);
}

function pathOf(words: readonly string[], data: unknown, schema: SchemaNode): Path {
  const path: (string | number)[] = [];
  let inside = data;
  for (const word of words) {
    if (Array.isArray(inside) && /^\d+$/.test(word)) {
      path.push(Number(word));
    } else {
      const node = nodeAt(schema, path);
      const known = [
        ...(typeof inside === 'object' && inside !== null ? Object.keys(inside) : []),
        ...(node === undefined ? [] : childrenOf(node).map((child) => child.name)),
      ];
      path.push(
        known.find((key) => key.toLowerCase() === word.toLowerCase()) ?? word.toLowerCase(),
      );
    }
    inside = (inside as Record<string | number, unknown> | null | undefined)?.[path.at(-1)!];
  }
  return path;
}

function overrideValue(text: string, path: Path, schema: SchemaNode): unknown {
  const node = nodeAt(schema, path);
  if (node !== undefined && takesText(node)) return text;
  try {
    return parse(text, { logLevel: 'silent' });
  } catch {
    return text;
  }
}

function withValue(data: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(data) && typeof step === 'number') {
    return data.map((item, index) => (index === step ? withValue(item, rest, value) : item));
  }
  const block = typeof data === 'object' && data !== null ? data : {};
  const inner = Object.hasOwn(block, step) ? (block as Record<string, unknown>)[step] : undefined;
  return { ...block, [step]: withValue(inner, rest, value) };
}
