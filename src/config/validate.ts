// From text to a configuration, or to every problem it has.

import * as v from 'valibot';
import { causeText } from '../core/errors.ts';
import type { ConfigCheck } from './finding.ts';
import { checkMeaning } from './meaning.ts';
import { applyOverrides, type Override, readOverrides } from './overrides.ts';
import { isBlock, valueAt } from './plain-data.ts';
import { nearest, type Problem } from './problem.ts';
import { type Environment, type ReferenceRule, resolveReferences } from './references.ts';
import { type Config, configSchema } from './schema/config.ts';
import {
  childrenOf,
  metadataAt,
  nodeAt,
  type Path,
  rootOf,
  type SchemaNode,
  takes,
  takesText,
} from './schema/keys.ts';
import { SourceText } from './source-text.ts';
import { hideCredentials } from './source-url.ts';

const ROOT = rootOf(configSchema);
/** Nobody reads more. */
const MAX_PROBLEMS = 100;

export interface ValidateOptions {
  /** What messages call the text: its path. */
  readonly name: string;
  /** For `${NAME}` and single keys that are set from outside. */
  readonly environment: Environment;
  /** What only others know, for instance which models are installed. */
  readonly checks?: readonly ConfigCheck[];
  /** Which references the text may make; all when absent. */
  readonly mayRefer?: ReferenceRule;
}

export interface Validation {
  readonly source: SourceText;
  /** Present when there is no problem. */
  readonly config?: Config;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Never throws for what the text contains. */
export function validate(text: string, options: ValidateOptions): Validation {
  const source = new SourceText(options.name, text, ROOT);
  if (!source.isReadable) return { source, problems: source.problems, warnings: [] };
  let data: unknown;
  try {
    data = source.data() ?? {};
  } catch (error) {
    return { source, problems: [source.problem([], causeText(error))], warnings: [] };
  }
  if (!isBlock(data)) {
    return { source, problems: [source.problem([], 'must be a block of keys')], warnings: [] };
  }
  const overrides = readOverrides(options.environment, data, ROOT);
  const written = applyOverrides(data, overrides);
  const { data: resolved, complaints } = resolveReferences(
    written,
    ROOT,
    options.environment,
    options.mayRefer ?? (() => undefined),
  );
  const place = placer(source, overrides);
  const unresolved = new Set(complaints.map(({ path }) => path.join('.')));
  const parsed = v.safeParse(configSchema, resolved);
  const problems = [
    ...source.problems,
    ...complaints.map(({ path, message }) => place(path, message)),
    ...reservedKeys(written, []).map((path) => place(path, 'this name is not allowed', 'key')),
    ...(parsed.issues ?? [])
      .flatMap((issue) => flatten(issue, []))
      .filter(({ path }) => !unresolved.has(path.join('.')))
      .slice(0, MAX_PROBLEMS)
      .map((issue) => explainIssue(issue, written, place)),
  ];
  if (!parsed.success || problems.length > 0) {
    return { source, problems: inOrder(problems), warnings: [] };
  }
  const findings = [checkMeaning, ...(options.checks ?? [])].flatMap((check) =>
    check(parsed.output),
  );
  const found = (severity: 'error' | 'warning') =>
    findings
      .filter((finding) => finding.severity === severity)
      .map(({ path, message }) => place(path, message));
  const errors = found('error');
  return {
    source,
    problems: errors,
    warnings: found('warning'),
    ...(errors.length === 0 && { config: parsed.output }),
  };
}

/** As they stand in the text; those without a place come last. */
function inOrder(problems: readonly Problem[]): Problem[] {
  const line = ({ position }: Problem) => position?.line ?? Number.POSITIVE_INFINITY;
  return problems.toSorted(
    (a, b) => line(a) - line(b) || (a.position?.column ?? 0) - (b.position?.column ?? 0) || 0,
  );
}

type Place = (path: Path, message: string, at?: 'key' | 'value') => Problem;

/** Problems of values that came from a variable name the variable instead of a line. */
function placer(source: SourceText, overrides: readonly Override[]): Place {
  return (path, message, at) => {
    const from = overrides.findLast((override) =>
      override.path.every((step, index) => path[index] === step),
    );
    return from === undefined
      ? source.problem(path, message, at)
      : { path, message, origin: from.variable };
  };
}

interface Issue {
  readonly path: Path;
  readonly kind: 'unknown' | 'missing' | 'wrong' | 'said';
  readonly message: string;
}

/** Takes valibot's issue apart; of a union only the alternative that was probably meant. */
function flatten(issue: v.BaseIssue<unknown>, prefix: Path): Issue[] {
  const path = [...prefix, ...(issue.path ?? []).map((item) => item.key as string | number)];
  if (issue.type === 'union' && isBlock(issue.input) && issue.issues !== undefined) {
    const inner = issue.issues.filter((each) => each.path !== undefined || each.kind !== 'schema');
    if (inner.length > 0) return inner.flatMap((each) => flatten(each, path));
  }
  const isKeyIssue = issue.type === 'strict_object' && issue.path !== undefined;
  if (isKeyIssue && issue.expected === 'never') return [{ path, kind: 'unknown', message: '' }];
  if (isKeyIssue && issue.input === undefined) return [{ path, kind: 'missing', message: '' }];
  const isRule =
    issue.type === 'check' || issue.type === 'min_entries' || issue.path?.at(-1)?.origin === 'key';
  return [{ path, kind: isRule ? 'said' : 'wrong', message: issue.message }];
}

function explainIssue({ path, kind, message }: Issue, data: unknown, place: Place): Problem {
  const node = nodeAt(ROOT, path);
  const allowed = node === undefined ? message : takes(node);
  if (kind === 'unknown') return place(path, unknownKey(path), 'key');
  if (kind === 'missing') return place(path, `missing; it takes ${allowed}`, 'key');
  const value = valueAt(data, path);
  if (kind === 'said' && isBlock(value)) return place(path, `needs ${message}`, 'key');
  if (kind === 'said' && node !== undefined && isBlock(valueAt(data, path.slice(0, -1)))) {
    const isValue = allowed.includes(message);
    if (!isValue) return place(path, `this name is not allowed: ${message}`, 'key');
  }
  if (value === null) {
    return place(path, `is empty; remove the key, or give it ${allowed}`, 'key');
  }
  return place(
    path,
    `found ${foundText(value, path)}; allowed: ${allowed}${hint(value, node, allowed)}`,
  );
}

function unknownKey(path: Path): string {
  const parent = nodeAt(ROOT, path.slice(0, -1));
  const names = parent === undefined ? [] : childrenOf(parent).map((child) => child.name);
  const near = nearest(String(path.at(-1)), names);
  return near === undefined
    ? `unknown key; allowed: ${names.join(', ')}`
    : `unknown key; did you mean "${near}"?`;
}

/** What was written, unless it is secret. */
function foundText(value: unknown, path: Path): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isBlock(value)) return 'a block';
  if (metadataAt(ROOT, path)?.secret)
    return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
  if (typeof value !== 'string') return String(value);
  const shown = hideCredentials(value);
  return JSON.stringify(shown.length > 80 ? `${shown.slice(0, 80)}…` : shown);
}

const YES_NO: Readonly<Record<string, string>> = {
  yes: 'true',
  on: 'true',
  no: 'false',
  off: 'false',
};

function hint(value: unknown, node: SchemaNode | undefined, allowed: string): string {
  if (typeof value === 'number' || typeof value === 'boolean') {
    return node !== undefined && takesText(node) ? '; put it in quotes if it is meant as text' : '';
  }
  if (typeof value !== 'string') return '';
  if (/^rtsps?:\/\/.*@/.test(value)) return '; put user name and password into keys of their own';
  const near =
    allowed === 'true or false'
      ? YES_NO[value.toLowerCase()]
      : nearest(value, allowed.split(/, or |, | or /));
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** Keys that valibot passes over in silence, because objects have something of that name. */
function reservedKeys(data: unknown, path: Path): Path[] {
  if (!isBlock(data)) return [];
  return Object.entries(data).flatMap(([key, value]) =>
    ['__proto__', 'prototype', 'constructor'].includes(key)
      ? [[...path, key]]
      : reservedKeys(value, [...path, key]),
  );
}
