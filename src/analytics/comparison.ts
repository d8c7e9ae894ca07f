// `>= 3` and its kin, and `22:00-06:00`: the small texts inside rules.
import type { Comparison } from './rule-plan.ts';

const COMPARISON = /^\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$/;
const WINDOW = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

export function isComparison(text: string): boolean {
  return COMPARISON.test(text);
}

export function isWindow(text: string): boolean {
  return WINDOW.test(text);
}

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
