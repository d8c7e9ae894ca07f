// Finds and loads the .node files; nothing else in Vedette imports one. A failure says what was tried and what to do.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AgentError, causeText, ERRORS, type ErrorCode } from '../core/errors.ts';

const require = createRequire(import.meta.url);
// src/native, dist/native and dist/bin lie equally deep.
const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const loaded = new Map<string, unknown>();

/** `vedette.node`, loaded once per process. Each facade names the exports it uses as `Exports`. */
export function loadNative<Exports>(): Exports {
  return load('vedette.node', [
    'Run `npm run build:native` (Debian: apt install cmake ninja-build g++).',
  ]) as Exports;
}

/** `vedette_gst.node`, which needs GStreamer's libraries: only camera processes load it. */
export function loadGst<Exports>(): Exports {
  return load('vedette_gst.node', [
    'Install GStreamer: apt install gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav.',
    'Where it was built without GStreamer: apt install libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev, then `npm run build:native`.',
    'Or set `decoder: ffmpeg` for this camera.',
  ]) as Exports;
}

/** Runs a call into a native part; what it throws by code comes out as an AgentError with a JavaScript stack. */
export function callNative<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asAgentError(error);
  }
}

/** The AgentError for what a native call threw or a native promise was rejected with. */
export function asAgentError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AgentError) return error;
  const { code, detail } = error as { code?: unknown; detail?: Record<string, string> };
  return typeof code === 'string' && code in ERRORS
    ? new AgentError(code as ErrorCode, detail ?? {}, error)
    : error;
}

function load(file: string, remedies: readonly string[]): unknown {
  const before = loaded.get(file);
  if (before !== undefined) return before;
  const folders = [`native/prebuilds/linux-${process.arch}`, 'build/native'];
  const problems: string[] = [];
  for (const folder of folders) {
    const candidate = path.join(packageRoot, folder, file);
    if (!existsSync(candidate)) {
      problems.push(`${candidate}: not there`);
      continue;
    }
    try {
      const exports: unknown = require(candidate);
      loaded.set(file, exports);
      return exports;
    } catch (error) {
      problems.push(`${candidate}: ${causeText(error)}`);
    }
  }
  throw new AgentError('NATIVE_UNAVAILABLE', {
    name: file,
    cause: explain(problems, remedies),
  });
}

function explain(problems: readonly string[], remedies: readonly string[]): string {
  const report = process.report?.getReport() as
    | { header?: { glibcVersionRuntime?: string } }
    | undefined;
  const libc = report?.header?.glibcVersionRuntime;
  return [
    ...problems.map((problem) => `\n  tried ${problem}`),
    `\n  found: ${process.platform} ${process.arch}, Node ${process.versions.node} (Node-API ${process.versions.napi}), ${libc ? `glibc ${libc}` : 'no glibc'}`,
    '\n  needed: linux x64 or arm64, Node 20.19 or newer, glibc',
    ...remedies.map((remedy, at) => `\n  ${at + 1}. ${remedy}`),
  ].join('');
}
