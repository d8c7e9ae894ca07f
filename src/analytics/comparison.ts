// `>= 3` and its kin, and `22:00-06:00`: the small texts inside rules.
import { COMPARISON, type Comparison, WINDOW } from '../contracts/rule.ts';

/** Whether `value` fits; a value that is not known never does. */
export function fits(comparison: Comparison, value: number | undefined): boolean {
  if (value === undefined) return false;
  if (typeof comparison === 'number') return value >= comparison;
  const [, operator, text] = COMPARISON.exec(comparison) ?? [];
  const limit = Number(text);
  switch (operator) {
    case '>=':
      return value >= limit;
    case '<=':
      return value <= limit;
    case '>':
      return value > limit;
    case '<':
      return value < limit;
    case '==':
      return value === limit;
    case '!=':
      return value !== limit;
    default:
      return false;
  }
}

/** As people read it: a bare number says "at least". */
export function comparisonText(comparison: Comparison): string {
  return typeof comparison === 'number' ? `>= ${comparison}` : comparison.trim();
}

/** Minutes of the day. */
export function windowOf(text: string): { from: number; to: number } {
  const [, fromHour, fromMinute, toHour, toMinute] = WINDOW.exec(text) ?? [];
  return {
    from: Number(fromHour) * 60 + Number(fromMinute),
    to: Number(toHour) * 60 + Number(toMinute),
  };
}
