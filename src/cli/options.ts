// Options of a command, read by node:util and refused in the catalogue's words.
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { AgentError, causeText } from '../core/errors.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<Spec extends Options> = ReturnType<
  typeof parseArgs<{ options: Spec; allowPositionals: true }>
>;

/** `parseArgs`, with `USAGE` instead of a TypeError. */
export function readOptions<const Spec extends Options>(
  args: readonly string[],
  options: Spec,
): Parsed<Spec> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new AgentError('USAGE', { problem: causeText(error) });
  }
}

/** A whole number of an option, within bounds. */
export function integerOption(
  name: string,
  value: string | undefined,
  bounds: { min: number; max: number },
): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number) || number < bounds.min || number > bounds.max) {
    const problem = `--${name} ${value}: expected a whole number from ${bounds.min} to ${bounds.max}`;
    throw new AgentError('USAGE', { problem });
  }
  return number;
}
