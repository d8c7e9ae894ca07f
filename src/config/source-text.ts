// A YAML text that remembers where each of its values stands, and that can be quoted without its secrets.
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml';
import type { Position, Problem } from './problem.ts';
import { metadataAt, type Path, type SchemaNode } from './schema/keys.ts';

/** Aliases may multiply a text; more copies than this are refused. */
const MAX_ALIASES = 100;
const MAX_DEPTH = 20;
const MAX_EXCERPT = 120;
/** One slip of syntax makes many errors; the first ones tell. */
const MAX_ERRORS = 20;
const SECRET_WORD =
  /((?:pass|secret|token|credential|api.?key|authorization)\w*["']?\s*[:=]\s*)\S.*/i;
const URL_CREDENTIALS = /([^\s:/]*[:/]+)\S*@/g;

/** Offsets of the first character and of the one behind the last. */
type Range = readonly [from: number, to: number];

export class SourceText {
  readonly name: string;
  readonly text: string;
  readonly document: Document;
  /** Syntax errors and duplicate keys. */
  readonly problems: readonly Problem[];
  /** False when the text is too broken to be read on. */
  readonly isReadable: boolean;
  private readonly lines = new LineCounter();
  private readonly schema: SchemaNode;
  /** Found when a problem is quoted for the first time; a sound text is read without. */
  private hiddenRanges: readonly Range[] | undefined;

  constructor(name: string, text: string, schema: SchemaNode) {
    this.name = name;
    this.text = text;
    this.schema = schema;
    this.document = parseDocument(text, {
      lineCounter: this.lines,
      prettyErrors: false,
      stringKeys: true,
      merge: true,
      logLevel: 'error',
    });
    const { errors } = this.document;
    this.problems = errors.slice(0, MAX_ERRORS).map((error) => this.syntaxProblem(error));
    this.isReadable = errors.every((error) => error.code === 'DUPLICATE_KEY');
  }

  /** The plain data. Throws when aliases are endless or point nowhere. */
  data(): unknown {
    const data: unknown = this.document.toJS({ maxAliasCount: MAX_ALIASES });
    requireTree(data, []);
    return data;
  }

  /**
   * Builds a problem at `path`: at its value, or at its key when `at` says so or there is no value;
   * without a place when neither the key nor a block around it is there.
   */
  problem(path: Path, message: string, at: 'key' | 'value' = 'value'): Problem {
    const range = this.locate(path, at);
    return { path, message, origin: this.name, ...(range && this.quote(range)) };
  }

  private get hidden(): readonly Range[] {
    this.hiddenRanges ??= [...this.secretRanges(this.document.contents, [])];
    return this.hiddenRanges;
  }

  private quote(range: Range): { position: Position; excerpt: string } {
    const { line, col } = this.lines.linePos(range[0]);
    const start = this.lines.lineStarts[line - 1]!;
    const end = this.lines.lineStarts[line] ?? this.text.length;
    const raw = this.text.slice(start, end).trimEnd();
    const column = Math.min(col, raw.length + 1);
    const isHidden = this.hidden.some(([from, to]) => from <= range[0] && range[0] < to);
    const marked = isHidden ? '***'.length : Math.min(range[1] - range[0], raw.length - column + 1);
    const length = Math.max(1, marked);
    const before = this.withoutSecrets(raw.slice(0, column - 1), start);
    const rest = this.withoutSecrets(raw.slice(column - 1), start + column - 1);
    return { position: { line, column, length }, excerpt: excerpt(line, before, rest, length) };
  }

  /** Replaces the parts of `piece`, which begins at `offset` of the text, that belong to secret values. */
  private withoutSecrets(piece: string, offset: number): string {
    let result = '';
    let at = 0;
    for (const [from, to] of this.hidden) {
      const start = Math.max(at, from - offset);
      const end = Math.min(piece.length, to - offset);
      if (end <= start) continue;
      result += `${piece.slice(at, start)}***`;
      at = end;
    }
    return result + piece.slice(at);
  }

  /** Where secret values stand. A key that the schema does not know may be a misspelt `password`. */
  private *secretRanges(node: unknown, path: Path): Generator<Range> {
    if (path.length > MAX_DEPTH) return;
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        yield* this.secretRanges(value, [...path, isScalar(key) ? String(key.value) : '?']);
      }
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) {
        yield* this.secretRanges(item, [...path, index]);
      }
    } else if (isScalar(node) && node.range) {
      const metadata = metadataAt(this.schema, path);
      if (metadata === undefined || metadata.secret) yield [node.range[0], node.range[1]];
    }
  }

  private locate(path: Path, at: 'key' | 'value'): Range | undefined {
    let node: unknown = this.document.contents;
    let key: Node | undefined;
    for (const [depth, step] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.document);
      const next = entry(node, step);
      if (next === undefined) return rangeOf(key);
      key = next.key ?? (isNode(next.value) ? next.value : key);
      node = next.value;
      if (depth === path.length - 1 && at === 'key') return rangeOf(key);
    }
    const isVisible = isScalar(node) && node.value !== null;
    return rangeOf(isVisible || key === undefined ? (node as Node | undefined) : key);
  }

  private syntaxProblem(error: YAMLError): Problem {
    return {
      path: [],
      message: this.syntaxMessage(error),
      origin: this.name,
      ...this.quote(error.pos),
    };
  }

  private syntaxMessage({ code, message, pos }: YAMLError): string {
    const isReference = this.text.slice(pos[0] - 1, pos[0] + 1) === '${';
    if (isReference) return 'inside { } or [ ] a ${…} must be in quotes';
    switch (code) {
      case 'DUPLICATE_KEY':
        return 'this key was set above already; one of the two must go';
      case 'TAB_AS_INDENT':
        return 'a tab; YAML is indented with spaces';
      case 'NON_STRING_KEY':
        return 'a key must be plain text; put it in quotes';
      case 'MULTIPLE_DOCS':
        return 'a second document; a configuration is one document without ---';
      default:
        return `not YAML: ${message[0]?.toLowerCase()}${message.slice(1)}`;
    }
  }
}

function excerpt(line: number, before: string, rest: string, length: number): string {
  const whole = maskText(before + rest).replace(/[\t\p{Cc}]/gu, ' ');
  const column = Math.min(maskText(before).length, whole.length);
  const from = Math.max(0, column - MAX_EXCERPT / 2);
  const visible = whole.slice(from, from + MAX_EXCERPT);
  const caretAt = column - from;
  const carets = '^'.repeat(Math.max(1, Math.min(length, visible.length - caretAt)));
  return `${String(line).padStart(5)} | ${visible}\n      | ${' '.repeat(caretAt)}${carets}`;
}

/** The text with everything taken out that looks like a password, whatever its key. */
function maskText(text: string): string {
  return text.replace(URL_CREDENTIALS, '$1***@').replace(SECRET_WORD, '$1***');
}

function entry(node: unknown, step: string | number): { key?: Node; value: unknown } | undefined {
  if (isSeq(node)) {
    return typeof step === 'number' && step < node.items.length
      ? { value: node.items[step] }
      : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.findLast((item) => isPair(item) && keyText(item.key) === String(step));
  return pair && { ...(isNode(pair.key) ? { key: pair.key } : {}), value: pair.value };
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function rangeOf(node: Node | undefined): Range | undefined {
  return node?.range ? [node.range[0], node.range[1]] : undefined;
}

function requireTree(value: unknown, above: readonly unknown[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (above.includes(value)) throw new Error('a block contains itself');
  if (above.length === MAX_DEPTH) throw new Error('blocks are nested too deeply');
  for (const inner of Object.values(value)) requireTree(inner, [...above, value]);
}
