// Tries an execution provider where it can do no harm: in a process of its own, which a bad driver may crash or hang.
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AgentError, ERRORS, type ErrorCode } from '../core/errors.ts';

export interface ProviderTrial {
  readonly library: string;
  readonly provider: string;
  readonly providerOptions?: Readonly<Record<string, string>>;
  readonly plugins?: readonly { readonly name: string; readonly library: string }[];
}

export type TrialResult =
  | { readonly tookMs: number }
  | { readonly code: string; readonly detail: Record<string, string>; readonly message: string };

/** TensorRT builds an engine even for the smallest model. */
const LIMIT_MS = 120_000;

/**
 * Opens a model of one convolution and infers twice; `tookMs` is the second. Rejects with PROVIDER_UNAVAILABLE, also when
 * the process crashed or took over two minutes.
 */
export function tryProvider(trial: ProviderTrial): Promise<{ tookMs: number }> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = fileURLToPath(new URL(`./provider-process.${extension}`, import.meta.url));
  const loader = extension === 'ts' ? ['--import', tsxLoader()] : [];
  return new Promise((resolve, reject) => {
    const child = fork(entry, [], {
      execArgv: loader,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    const refuse = (cause: string) =>
      reject(new AgentError('PROVIDER_UNAVAILABLE', { provider: trial.provider, cause }));
    child.once('message', (message) => {
      const result = message as TrialResult;
      if ('tookMs' in result) resolve(result);
      else if (result.code in ERRORS)
        reject(new AgentError(result.code as ErrorCode, result.detail));
      else refuse(result.message);
    });
    child.once('error', (error) => refuse(error.message));
    child.once('exit', (status, signal) => {
      clearTimeout(limit);
      refuse(`the trial process ended with ${signal ?? `status ${status}`}`);
    });
    child.send(trial);
  });
}

function tsxLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}
