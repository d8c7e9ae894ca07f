// What one key means, in the words of the schema.
import { stringify } from 'yaml';
import { nearest } from './problem.ts';
import { configSchema } from './schema/config.ts';
import { type Key, listKeys, rootOf } from './schema/keys.ts';
import type { Apply } from './schema/metadata.ts';

export const CONFIG_KEYS: readonly Key[] = listKeys(rootOf(configSchema));

export const APPLY_TEXT: Readonly<Record<Apply, string>> = {
  live: 'at once, without losing a frame',
  camera: 'at once; the process of this camera is started again',
  agent: 'from the next start of the agent on',
};

/** The default as one line of YAML; undefined when absence has a meaning of its own. */
export function defaultText({ defaultValue, isBlock }: Key): string | undefined {
  if (defaultValue === undefined || isBlock) return undefined;
  return stringify(defaultValue, { collectionStyle: 'flow' }).trim();
}

/**
 * Explains a key, named as in a file (`cameras.front.fps`), without ids (`cameras.fps`), or by its
 * last word when that is enough. Undefined, with a guess in `near`, when there is none.
 */
export function explainKey(name: string): { text?: string; near?: string } {
  const keys = findKeys(name);
  if (keys.length > 0) return { text: keys.map(keyText).join('\n\n') };
  const words = CONFIG_KEYS.map((key) => (name.includes('.') ? shortName(key) : lastWord(key)));
  const near = nearest(name, words);
  return near === undefined ? {} : { near };
}

function findKeys(name: string): Key[] {
  const exact = CONFIG_KEYS.filter((key) => [key.pattern, shortName(key)].includes(name));
  if (exact.length > 0) return exact.slice(0, 1);
  const withId = CONFIG_KEYS.filter((key) => patternMatches(key.pattern, name));
  if (withId.length > 0) return withId.slice(0, 1);
  return CONFIG_KEYS.filter((key) => lastWord(key) === name);
}

/** `cameras.<id>.fps` becomes `cameras.fps`. */
function shortName({ pattern }: Key): string {
  return pattern.replace(/\.<\w+>/g, '');
}

function lastWord({ pattern }: Key): string {
  return pattern.split('.').at(-1)!;
}

function patternMatches(pattern: string, name: string): boolean {
  const wanted = pattern.split('.');
  const given = name.split('.');
  return (
    wanted.length === given.length &&
    wanted.every((word, index) => /^<\w+>$/.test(word) || word === given[index])
  );
}

function keyText(key: Key): string {
  const { pattern, description, takes, apply, secret, environment, isRequired, examples } = key;
  const below = CONFIG_KEYS.filter((other) => isDirectlyBelow(other.pattern, pattern));
  const fallback = defaultText(key);
  return [
    pattern,
    description && `  ${description}`,
    `  takes    ${takes}`,
    isRequired ? '  required' : fallback && `  default  ${fallback}`,
    ...examples.map(
      (example) => `  example  ${stringify(example, { collectionStyle: 'flow' }).trim()}`,
    ),
    secret && '  secret   may come from a file or the environment; never shown',
    environment && '  may contain variables of the environment',
    apply && `  applies  ${APPLY_TEXT[apply]}`,
    below.length > 0 && `  keys     ${below.map(lastWord).join(', ')}`,
  ]
    .filter((line) => typeof line === 'string' && line !== '')
    .join('\n');
}

function isDirectlyBelow(pattern: string, parent: string): boolean {
  if (!pattern.startsWith(`${parent}.`)) return false;
  const rest = pattern.slice(parent.length + 1).replace(/^<\w+>\./, '');
  return !rest.includes('.') && !rest.startsWith('<');
}
