// What is wrong with a configuration and where, in the words that `vedette check` prints.
import type { Path } from './schema/keys.ts';

/** 1-based line and column of a text, and how many characters the marked part has on that line. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** File name, or the environment variable that the value came from. */
  readonly origin: string;
  readonly position?: Position;
  /** The line, with secrets taken out, and a caret line below it. */
  readonly excerpt?: string;
}

/** `file:line:col  path  message`, with the excerpt below. */
function formatProblem(problem: Problem): string {
  const { origin, position, path, message, excerpt } = problem;
  const place = position === undefined ? origin : `${origin}:${position.line}:${position.column}`;
  const head = [place, pathText(path), message].filter((part) => part !== '').join('  ');
  return excerpt === undefined ? head : `${head}\n${excerpt}`;
}

export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join('\n');
}

/** `cameras.front.fps`; the root is the empty text. */
export function pathText(path: Path): string {
  return path.join('.');
}

/** The candidate that differs from `word` by the fewest edits, if those are few enough to be a slip. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 0.5;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8 || a.length > 64) return Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const next = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let value = Math.min(last[column]! + 1, next[column - 1]! + 1, last[column - 1]! + cost);
      const isSwap = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap && row > 1 && column > 1) value = Math.min(value, before[column - 2]! + 1);
      next.push(value);
    }
    [before, last] = [last, next];
  }
  return last[b.length]!;
}
