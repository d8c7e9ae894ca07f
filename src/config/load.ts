// Reads the configuration file. The only place besides the command line that sees the environment.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { AgentError, causeText } from '../core/errors.ts';
import { formatProblems, type Problem } from './problem.ts';
import type { Environment } from './references.ts';
import type { Config } from './schema/config.ts';
import { type ValidateOptions, type Validation, validate } from './validate.ts';

/** Far above any real configuration; refuses a video file named by mistake. */
export const MAX_CONFIG_BYTES: number = 256 * 1024;

export interface LoadedConfig {
  readonly config: Config;
  readonly path: string;
  readonly text: string;
  /** SHA-256 of `text`, lower-case hex. */
  readonly hash: string;
  readonly warnings: readonly Problem[];
}

/**
 * The configuration in `path`.
 *
 * Throws `CONFIG_UNREADABLE`, or `CONFIG_INVALID` with every problem the file has.
 */
export function loadConfig(
  path: string,
  environment: Environment,
  checks: ValidateOptions['checks'] = [],
): LoadedConfig {
  const text = readConfigText(path);
  return requireValid(validate(text, { name: path, environment, checks }), path);
}

/** Turns problems into the error that `vedette check` prints. */
export function requireValid(validation: Validation, path: string): LoadedConfig {
  const { config, problems, warnings, source } = validation;
  if (config === undefined) {
    throw new AgentError('CONFIG_INVALID', {
      count: problems.length,
      problems: formatProblems(problems),
    });
  }
  return { config, path, text: source.text, hash: hashText(source.text), warnings };
}

export function readConfigText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_CONFIG_BYTES) throw new Error(`${size} bytes are too many for a configuration`);
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new AgentError('CONFIG_UNREADABLE', { path, cause: causeText(error) });
  }
}

export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
