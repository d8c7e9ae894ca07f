// JSON Schema of the configuration, for editors (`# yaml-language-server: $schema=`).
import { toJsonSchema } from '@valibot/to-json-schema';
import { configSchema } from '../../src/config/schema/config.ts';
import type { KeyMetadata } from '../../src/config/schema/metadata.ts';

interface JsonNode {
  [key: string]: unknown;
  description?: string;
  apply?: KeyMetadata['apply'];
  secret?: boolean;
  environment?: boolean;
}

const FILE_REFERENCE = {
  type: 'object',
  properties: { file: { type: 'string', description: 'File that holds the secret.' } },
  required: ['file'],
  additionalProperties: false,
};

export function jsonSchema(): string {
  const schema = toJsonSchema(configSchema, {
    target: 'draft-2020-12',
    typeMode: 'input',
    errorMode: 'ignore',
  });
  const { $schema, ...rest } = schema;
  const whole = {
    $schema,
    title: 'Vedette configuration',
    ...(translate(rest as JsonNode) as object),
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

/** Puts our metadata under `x-` names and lets secrets be references. */
function translate(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(translate);
  if (typeof value !== 'object' || value === null) return value;
  const { apply, secret, environment, ...rest } = value as JsonNode;
  const isNode = typeof apply === 'string' || typeof secret === 'boolean';
  if (!isNode) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, translate(inner)]));
  }
  const node = translate(rest) as JsonNode;
  const extra = {
    ...(apply && { 'x-apply': apply }),
    ...(secret && { 'x-secret': true }),
    ...(environment && { 'x-environment': true }),
  };
  if (!secret && !environment) return { ...node, ...extra };
  const { description, examples, ...type } = node;
  const variable = { type: 'string', pattern: '\\$\\{' };
  return {
    ...(description !== undefined && { description }),
    ...(examples !== undefined && { examples }),
    ...extra,
    anyOf: [type, variable, ...(secret ? [FILE_REFERENCE] : [])],
  };
}
