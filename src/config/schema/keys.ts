// Reads the schema back: which keys there are, what each takes, and what changing it does.
import type { GenericSchema } from 'valibot';
import type { KeyMetadata } from './metadata.ts';

/** Where a value is: keys of blocks and positions in lists, from the root. */
export type Path = readonly (string | number)[];

/** The parts of valibot's schema and action objects that are read here. */
export interface SchemaNode {
  readonly kind: 'schema' | 'validation' | 'transformation' | 'metadata';
  readonly type: string;
  readonly pipe?: readonly SchemaNode[];
  readonly wrapped?: SchemaNode;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  readonly key?: SchemaNode;
  readonly value?: SchemaNode;
  readonly item?: SchemaNode;
  readonly items?: readonly SchemaNode[];
  readonly options?: readonly unknown[];
  /** Of a lazy schema; without data it gives the union of all it may be. */
  readonly getter?: (data: unknown) => SchemaNode;
  readonly literal?: unknown;
  readonly requirement?: unknown;
  readonly message?: unknown;
  readonly description?: string;
  readonly metadata?: KeyMetadata;
  readonly examples?: readonly unknown[];
}

export interface Key extends KeyMetadata {
  /** `cameras.<id>.fps`, `alerts.<n>.url` */
  readonly pattern: string;
  readonly node: SchemaNode;
  /** What it takes, in words. */
  readonly takes: string;
  readonly description: string;
  readonly examples: readonly unknown[];
  readonly isRequired: boolean;
  /** Undefined where the absence of the key means something of its own. */
  readonly defaultValue: unknown;
  /** Blocks have keys below them. */
  readonly isBlock: boolean;
}

export function rootOf(schema: GenericSchema): SchemaNode {
  return schema as unknown as SchemaNode;
}

/** The alternatives that a value may be: options of unions, with wrappers and pipes taken off. */
function alternatives(node: SchemaNode): SchemaNode[] {
  if (node.pipe !== undefined) return alternatives(node.pipe[0]!);
  if (node.wrapped !== undefined) return alternatives(node.wrapped);
  if (node.type === 'lazy') return alternatives(node.getter!(undefined));
  if (node.type === 'union') return (node.options as SchemaNode[]).flatMap(alternatives);
  return [node];
}

/** The actions that hang on `node`, outermost first. */
function* layers(node: SchemaNode): Generator<SchemaNode> {
  for (const action of node.pipe ?? []) {
    if (action !== node.pipe![0]) yield action;
  }
  const inner = node.pipe?.[0] ?? node.wrapped;
  if (inner !== undefined) yield* layers(inner);
  if (node.type === 'union')
    for (const option of node.options as SchemaNode[]) yield* layers(option);
}

export interface Child {
  readonly name: string;
  readonly node: SchemaNode;
}

/** Named keys of a block, or the one that stands for all (`<id>`, `<n>`). */
export function childrenOf(node: SchemaNode): Child[] {
  return alternatives(node).flatMap((option): Child[] => {
    if (option.entries !== undefined) {
      return Object.entries(option.entries).map(([name, child]) => ({ name, node: child }));
    }
    if (option.type === 'record') return [{ name: '<id>', node: option.value! }];
    if (option.item !== undefined) return [{ name: '<n>', node: option.item }];
    return [];
  });
}

/** The schema of the value at `path`; undefined where the schema knows nothing. */
export function nodeAt(root: SchemaNode, path: Path): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  for (const step of path) node = node && childOf(node, step);
  return node;
}

function childOf(node: SchemaNode, step: string | number): SchemaNode | undefined {
  for (const option of alternatives(node)) {
    if (option.entries !== undefined && Object.hasOwn(option.entries, step)) {
      return option.entries[step];
    }
    if (option.type === 'record' && typeof step === 'string') return option.value;
    if (typeof step !== 'number') continue;
    if (option.item !== undefined) return option.item;
    if (option.items !== undefined) return option.items[step];
  }
  return undefined;
}

/** Metadata of the key at `path`, with `apply` taken from the nearest block that says it. */
export function metadataAt(root: SchemaNode, path: Path): KeyMetadata | undefined {
  let found: KeyMetadata = {};
  let node: SchemaNode | undefined = root;
  for (const step of path) {
    node = childOf(node, step);
    if (node === undefined) return undefined;
    const own = metadataOf(node);
    found = { ...own, ...((own.apply ?? found.apply) && { apply: own.apply ?? found.apply! }) };
  }
  return found;
}

function metadataOf(node: SchemaNode): KeyMetadata {
  return Object.assign({}, ...[...layers(node)].map((layer) => layer.metadata));
}

/** What `node` takes, as it stands after "allowed:". */
export function takes(node: SchemaNode): string {
  const rules = [...layers(node)].filter((layer) => layer.kind === 'validation');
  if (isRecursive(node)) return 'a condition';
  const options = alternatives(node).map((option) => optionText(option, rules));
  if (node.type === 'union' || alternatives(node).length > 1) {
    return unionOptions(node)
      .map((option) => takes(option))
      .join(', or ');
  }
  return options[0]!;
}

/** True when only text will do, so that digits are not read as a number. */
export function takesText(node: SchemaNode): boolean {
  return alternatives(node).every(({ type }) => type === 'string' || type === 'picklist');
}

function unionOptions(node: SchemaNode): SchemaNode[] {
  if (node.type === 'union') return node.options as SchemaNode[];
  return unionOptions((node.pipe?.[0] ?? node.wrapped)!);
}

function optionText(option: SchemaNode, rules: readonly SchemaNode[]): string {
  const said = rules.find((rule) => typeof rule.message === 'string' && rule.type !== 'integer');
  switch (option.type) {
    case 'string':
      return typeof said?.message === 'string' ? said.message : 'text';
    case 'number':
      return numberText(rules);
    case 'boolean':
      return 'true or false';
    case 'picklist':
      return oneOf((option.options as readonly unknown[]).map(String));
    case 'literal':
      return String(option.literal);
    case 'array':
      return `${listText(rules)}; each ${takes(option.item!)}`;
    case 'tuple':
      return `a list of ${option.items!.length}; each ${takes(option.items![0]!)}`;
    case 'record':
      return said?.type === 'min_entries' ? `a block with ${said.message}` : 'a block of keys';
    default:
      return 'a block of keys';
  }
}

function listText(rules: readonly SchemaNode[]): string {
  const least = rules.find((rule) => rule.type === 'min_length')?.message;
  return typeof least === 'string' ? `a list of ${least}` : 'a list';
}

function numberText(rules: readonly SchemaNode[]): string {
  const kind = rules.some((rule) => rule.type === 'integer') ? 'a whole number' : 'a number';
  const min = rules.find((rule) => rule.type === 'min_value')?.requirement;
  const max = rules.find((rule) => rule.type === 'max_value')?.requirement;
  return min === undefined || max === undefined ? kind : `${kind} from ${min} to ${max}`;
}

function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** Every key below `root` in the order of the schema, blocks before their keys. */
export function listKeys(root: SchemaNode, prefix = ''): Key[] {
  if (isRecursive(root)) return [];
  return childrenOf(root).flatMap(({ name, node }) => {
    const pattern = prefix === '' ? name : `${prefix}.${name}`;
    const below = listKeys(node, pattern);
    const isBlock = below.some((key) => key.pattern !== `${pattern}.<n>`);
    return [describe(pattern, node, isBlock), ...below];
  });
}

function describe(pattern: string, node: SchemaNode, isBlock: boolean): Key {
  const all = [...layers(node)];
  return {
    ...metadataOf(node),
    pattern,
    node,
    isBlock,
    takes: takes(node),
    description: all.find((layer) => layer.description !== undefined)?.description ?? '',
    examples: isBlock ? [] : (all.find((layer) => layer.examples !== undefined)?.examples ?? []),
    isRequired: !isOptional(node) && !/>$/.test(pattern),
    defaultValue: defaultOf(node),
  };
}

/** Blocks that may contain themselves are described where they are used. */
function isRecursive(node: SchemaNode): boolean {
  const inner = node.pipe?.[0] ?? node.wrapped;
  return node.type === 'lazy' || (inner !== undefined && inner !== node && isRecursive(inner));
}

function isOptional(node: SchemaNode): boolean {
  return (
    node.type === 'optional' ||
    node.type === 'exact_optional' ||
    (node.pipe !== undefined && isOptional(node.pipe[0]!))
  );
}

function defaultOf(node: SchemaNode): unknown {
  return node.type === 'optional' ? node.default : node.pipe && defaultOf(node.pipe[0]!);
}
