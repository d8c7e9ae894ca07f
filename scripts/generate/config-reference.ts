// docs/reference/config.md: every key of the configuration.
import { stringify } from 'yaml';
import { APPLY_TEXT, CONFIG_KEYS, defaultText } from '../../src/config/explain.ts';
import type { Key } from '../../src/config/schema/keys.ts';

const HEAD = `<!-- Generated from src/config/schema by npm run gen. -->
# Configuration reference

Every key, its default, and what happens when it changes. [configuration.md](../configuration.md) explains how to write,
check and push a configuration; \`examples/reference.yaml\` is this page as a YAML file. \`vedette check --explain KEY\`
shows one key.

Changes apply in one of three ways:

| | a change is used |
|---|---|
| live | ${APPLY_TEXT.live} |
| camera | ${APPLY_TEXT.camera} |
| agent | ${APPLY_TEXT.agent} |

A **secret** is never shown; it may be \`{ file: /path }\` or contain \`\${NAME}\`. A key marked **env** may contain \`\${NAME}\`.
`;

export function configReference(): string {
  const sections = CONFIG_KEYS.filter(({ pattern }) => !pattern.includes('.')).map(sectionText);
  return `${[HEAD, ...sections].join('\n')}`;
}

function sectionText(section: Key): string {
  const below = CONFIG_KEYS.filter(
    ({ pattern }) => pattern.startsWith(`${section.pattern}.`) && !/\.<n>$/.test(pattern),
  );
  const rows = below.filter(({ pattern }) => !/^\w+\.<id>$/.test(pattern)).map(rowText);
  return [
    `## ${section.pattern}`,
    '',
    section.description,
    '',
    '| Key | Takes | Default | Applies | |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function rowText(key: Key): string {
  const { pattern, takes, description, apply, secret, environment, isRequired, isBlock } = key;
  const marks = [secret && '**secret**', environment && '**env**'].filter(Boolean).join(' ');
  const fallback = isRequired ? 'required' : code(defaultText(key));
  const note = [description, exampleText(key), marks].filter((part) => part !== '').join(' ');
  const cells = [
    `\`${pattern}\``,
    isBlock ? '' : takes,
    isBlock ? '' : fallback,
    apply ?? '',
    note,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
}

function exampleText({ examples }: Key): string {
  if (examples.length === 0) return '';
  const texts = examples.map((example) => code(oneLine(example)));
  return `Example: ${texts.join(', ')}.`;
}

function oneLine(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
}

function code(text: string | undefined): string {
  return text === undefined ? '' : `\`${text}\``;
}
