// examples/reference.yaml: every key with its default, commented out except what is needed to start.
import { stringify } from 'yaml';
import { CONFIG_KEYS } from '../../src/config/explain.ts';
import type { Key } from '../../src/config/schema/keys.ts';

const HEAD = `# yaml-language-server: $schema=../schema/config.schema.json
# Every key of Vedette. Nothing is needed but a camera. What stands behind # without a space is the default, or an
# example where a key has none. Secrets may be written as \${NAME} (from the environment) or { file: /run/secrets/name }.
`;
const WIDTH = 110;

/** Names that stand in for \`<id>\` in the example. */
const EXAMPLE_IDS: Readonly<Record<string, string>> = {
  'cameras.<id>': 'front',
  'zones.<id>': 'gate',
  'lines.<id>': 'door',
  'rules.<id>': 'waiting',
};

export function referenceYaml(): string {
  const sections = CONFIG_KEYS.filter(({ pattern }) => !pattern.includes('.'));
  return `${HEAD}\n${sections.map((section) => keyLines(section, '').join('\n')).join('\n\n')}\n`;
}

/** The lines of a key and of all below it. Only the way to one camera's address is not commented out. */
function keyLines(key: Key, indent: string): string[] {
  const { pattern, description, isBlock } = key;
  const below = directlyBelow(pattern);
  const comment = description === '' ? [] : wrap(description, `${indent}# `);
  const isList = below.some((child) => child.pattern === `${pattern}.<n>` && child.isBlock);
  const isNeeded = ['cameras', 'cameras.<id>', 'cameras.<id>.url'].includes(pattern);
  const mark = isNeeded ? '' : '#';
  const name = EXAMPLE_IDS[pattern] ?? pattern.split('.').at(-1)!;
  if (isList)
    return [...comment, `${indent}${mark}${name}:`, ...listLines(`${pattern}.<n>`, indent)];
  const children = below.filter((child) => !/<n>$|headers\.<id>|options\.<id>/.test(child.pattern));
  if (!isBlock || children.length === 0)
    return [...comment, `${indent}${mark}${name}: ${valueText(key)}`];
  return [
    ...comment,
    `${indent}${mark}${name}:`,
    ...children.flatMap((child) => keyLines(child, `${indent}  `)),
  ];
}

function listLines(pattern: string, indent: string): string[] {
  return directlyBelow(pattern).flatMap((child, index) => {
    const name = child.pattern.split('.').at(-1)!;
    const dash = index === 0 ? '- ' : '  ';
    return [
      ...wrap(child.description, `${indent}  # `),
      `${indent}  #${dash}${name}: ${valueText(child)}`,
    ];
  });
}

function directlyBelow(pattern: string): Key[] {
  return CONFIG_KEYS.filter((key) => {
    const rest = key.pattern.startsWith(`${pattern}.`) && key.pattern.slice(pattern.length + 1);
    return rest && !rest.includes('.');
  });
}

function valueText(key: Key): string {
  if (key.defaultValue !== undefined) return flow(key.defaultValue);
  return `${flow(key.examples[0])} # example`;
}

function flow(value: unknown): string {
  return value === undefined
    ? ''
    : stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line !== indent) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
