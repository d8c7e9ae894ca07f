// `${NAME}`, `${NAME:-default}` and `{ file: /path }`: values that are kept outside the configuration.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { causeText } from '../core/errors.ts';
import { metadataAt, type Path, type SchemaNode } from './schema/keys.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Says why a reference may not be made, or undefined. */
export type ReferenceRule = (reference: Reference) => string | undefined;

export type Reference =
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string };

export interface Complaint {
  readonly path: Path;
  readonly message: string;
}

const REFERENCE = /\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;
const MAX_SECRET_BYTES = 64 * 1024;

/**
 * A copy of `data` with references replaced by what they stand for.
 *
 * They are read only in keys that the schema marks: in any other, somebody who may push a
 * configuration could publish a secret, for instance as the name of the device. `$${` is a plain `${`.
 */
export function resolveReferences(
  data: unknown,
  schema: SchemaNode,
  environment: Environment,
  rule: ReferenceRule,
): { data: unknown; complaints: Complaint[] } {
  const complaints: Complaint[] = [];
  const visit = (value: unknown, path: Path): unknown => {
    const metadata = metadataAt(schema, path);
    try {
      if (typeof value === 'string' && value.includes('${')) {
        if (!metadata?.secret && !metadata?.environment) {
          throw new Error(
            'environment variables are read only in addresses, user names and secrets',
          );
        }
        return fromEnvironment(value, environment, rule);
      }
      if (metadata?.secret && isFileReference(value)) return fromFile(value.file, rule);
    } catch (error) {
      complaints.push({ path, message: causeText(error) });
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item, index) => visit(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, visit(inner, [...path, key])]),
    );
  };
  return { data: visit(data, []), complaints };
}

/** All references that `data` makes anywhere. */
export function listReferences(data: unknown): Reference[] {
  if (typeof data === 'string') {
    return [...data.matchAll(REFERENCE)]
      .filter(([whole]) => !whole.startsWith('$$'))
      .map(([, name]) => ({ kind: 'environment', name: name! }));
  }
  if (typeof data !== 'object' || data === null) return [];
  const own: Reference[] = isFileReference(data) ? [{ kind: 'file', path: data.file }] : [];
  return [...own, ...Object.values(data).flatMap(listReferences)];
}

function isFileReference(value: unknown): value is { readonly file: string } {
  if (typeof value !== 'object' || value === null) return false;
  return Object.keys(value).length === 1 && typeof (value as { file?: unknown }).file === 'string';
}

function fromEnvironment(text: string, environment: Environment, rule: ReferenceRule): string {
  return text.replace(REFERENCE, (whole, name: string, fallback: string | undefined) => {
    if (whole.startsWith('$$')) return whole.slice(1);
    const refusal = rule({ kind: 'environment', name });
    if (refusal !== undefined) throw new Error(refusal);
    const value = environment[name] || fallback;
    if (value !== undefined) return value;
    throw new Error(
      `the environment variable ${name} is not set or empty; \${${name}:-…} gives a default`,
    );
  });
}

function fromFile(path: string, rule: ReferenceRule): string {
  const refusal = rule({ kind: 'file', path });
  if (refusal !== undefined) throw new Error(refusal);
  return readSecret(path).replace(/\r?\n$/, '');
}

/** Never waits and never reads much: `path` may be a pipe or a device by mistake. */
function readSecret(path: string): string {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new Error(`the secret cannot be read: ${causeText(error)}`);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error(`${path} is not a file`);
    if (stat.size > MAX_SECRET_BYTES) throw new Error(`${path} is too long for a secret`);
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
