// Which libonnxruntime to load: the one that was asked for, one made for this device, or the one that npm brought.
import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { AgentError, causeText } from '../core/errors.ts';
import { describeRuntime } from './session.ts';

export interface RuntimeLibrary {
  readonly path: string;
  /** What was looked at before, in order, and why it was not taken. */
  readonly tried: readonly { readonly path: string; readonly problem: string }[];
}

/**
 * Where builds with TensorRT, CUDA or OpenVINO are put by those who make them (jetson-containers and ONNX Runtime's own
 * `cmake --install` use /usr/local). Distributions' builds in /usr/lib are left out: they have what npm's build has, and are older.
 */
const DEVICE_FOLDERS: readonly string[] = [
  '/usr/local/lib',
  '/usr/local/onnxruntime/lib',
  '/opt/onnxruntime/lib',
];
const NAMES = ['libonnxruntime.so.1', 'libonnxruntime.so'];

/** ELF's e_machine of the processors that Vedette runs on. */
const MACHINES: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };

const require = createRequire(import.meta.url);

/**
 * What `configured` (the configuration) or else `environment` (VEDETTE_ORT) names is taken or refused, never replaced.
 * Without either, the first usable of `deviceFolders` and onnxruntime-node's package. Throws RUNTIME_UNAVAILABLE.
 */
export function findRuntimeLibrary(
  configured?: string,
  environment?: string,
  deviceFolders: readonly string[] = DEVICE_FOLDERS,
): RuntimeLibrary {
  const named = configured || environment;
  if (named) {
    const problem = problemOf(named);
    if (problem !== undefined) {
      const origin = configured ? 'runtime.library' : 'VEDETTE_ORT';
      throw new AgentError('RUNTIME_UNAVAILABLE', { cause: `${named} (${origin}): ${problem}` });
    }
    return { path: named, tried: [] };
  }
  const tried: { path: string; problem: string }[] = [];
  for (const candidate of candidates(deviceFolders)) {
    const problem = problemOf(candidate);
    if (problem === undefined) return { path: candidate, tried };
    tried.push({ path: candidate, problem });
  }
  const list = tried.map(({ path, problem }) => `\n  tried ${path}: ${problem}`);
  throw new AgentError('RUNTIME_UNAVAILABLE', { cause: `none was found${list.join('')}` });
}

function candidates(deviceFolders: readonly string[]): string[] {
  const found = deviceFolders.flatMap((folder) => NAMES.map((name) => path.join(folder, name)));
  try {
    const root = path.dirname(require.resolve('onnxruntime-node/package.json'));
    found.push(path.join(root, 'bin/napi-v6/linux', process.arch, 'libonnxruntime.so.1'));
  } catch {
    // Without the package there is one candidate less; the error lists those that there were.
  }
  return found;
}

function problemOf(file: string): string | undefined {
  try {
    const machine = machineOf(file);
    if (machine !== MACHINES[process.arch]) {
      return machine === undefined ? 'it is no shared library' : 'it is for another processor';
    }
    describeRuntime(file);
    return undefined;
  } catch (error) {
    if (error instanceof AgentError) {
      return String(error.detail.cause ?? error.message).replace(`${file}: `, '');
    }
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'not there' : causeText(error);
  }
}

/** `e_machine` of an ELF file; undefined when it is none. */
function machineOf(file: string): number | undefined {
  const fd = openSync(file, 'r');
  try {
    const header = Buffer.alloc(20);
    if (readSync(fd, header, 0, 20, 0) < 20) return undefined;
    return header.readUInt32BE(0) === 0x7f454c46 ? header.readUInt16LE(18) : undefined;
  } finally {
    closeSync(fd);
  }
}
