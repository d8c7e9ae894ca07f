// `vedette models`: what is installed, what better ones exist, and how to get one whose bytes are known.
import { createHash } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadModelFigures, type ModelFigures } from '../config/model-figures.ts';
import { loadModelRegistry, manifestText, type RegistryEntry } from '../config/model-registry.ts';
import type { ModelManifest } from '../contracts/model.ts';
import { AgentError, causeText } from '../core/errors.ts';
import { EMBEDDED, FIGURES, installedModels, REGISTRY } from './installed-models.ts';
import { readOptions } from './options.ts';

const HELP = `vedette models: lists installed models and those that can be had.

Usage: vedette models [--json] [--folder DIR]
       vedette models pull NAME [--folder DIR]

  --folder DIR   models besides the embedded ones (default /var/lib/vedette/models)
  --json         for machines

\`pull\` fetches a registered model into the folder. It is kept only when its SHA-256 is the registered one. A configuration
uses it with \`model: NAME\`.
`;

const LEGEND = `
  AP50 in per cent, means over the labels of a set: persons in an airport, small vehicles in large photographs, everyday photographs,
  and the validation split of the training pictures. Times are those of one thread (MACHINE). What the
  embedded model is bad at stands in its card, models/README.md.
`;
const OTHERS = `
Any other ONNX file of the YOLOX family (tiny, s, m … of its authors, Apache-2.0) or exported as D-FINE and DEIM are runs
with a manifest beside it; models/README.md shows one. Its licence is yours to check.
`;
const DEFAULT_FOLDER = '/var/lib/vedette/models';
const MAX_BYTES = 512 * 2 ** 20;

export async function modelsCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    json: { type: 'boolean' },
    folder: { type: 'string', default: DEFAULT_FOLDER },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [verb, name, ...rest] = positionals;
  const registry = loadModelRegistry(REGISTRY);
  if (verb === undefined) return list(registry, values.folder, values.json === true);
  if (verb !== 'pull' || name === undefined || rest.length > 0) {
    throw new AgentError('USAGE', { problem: 'vedette models takes nothing, or `pull NAME`' });
  }
  const entry = registry.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    const names = registry.map((candidate) => candidate.name).join(', ');
    throw new AgentError('USAGE', { problem: `${name} is not registered; there are: ${names}` });
  }
  const path = await pullModel(entry, values.folder);
  process.stdout.write(`${path}: ${entry.name}, ${entry.licence}, hash as registered\n`);
  return 0;
}

/** Fetches, compares the hash, and only then puts model and manifest in place. Returns the model's path. */
export async function pullModel(entry: RegistryEntry, folder: string): Promise<string> {
  const file = `${entry.name}.onnx`;
  const path = join(folder, file);
  const bytes = await download(entry.url);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== entry.sha256) {
    throw new AgentError('MODEL_HASH_MISMATCH', {
      path: entry.url,
      actual,
      expected: entry.sha256,
    });
  }
  mkdirSync(folder, { recursive: true });
  const part = `${path}.part`;
  try {
    writeFileSync(part, bytes);
    renameSync(part, path);
    writeFileSync(join(folder, `${entry.name}.yaml`), manifestText(entry, file));
  } finally {
    rmSync(part, { force: true });
  }
  return path;
}

async function download(url: string): Promise<Buffer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(600_000) });
    if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.byteLength;
      if (size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw new AgentError('MODEL_UNREADABLE', { path: url, cause: causeText(error) });
  }
}

function list(registry: readonly RegistryEntry[], folder: string, isJson: boolean): number {
  const installed = installedModels(folder);
  const figures = loadModelFigures(FIGURES);
  const hashes = new Set(installed.map((manifest) => manifest.sha256));
  const available = registry.filter((entry) => !hashes.has(entry.sha256));
  if (isJson) {
    process.stdout.write(`${JSON.stringify({ installed, available, figures }, null, 2)}\n`);
    return 0;
  }
  const told = (sha256: string): string => describeFigures(figures?.models[sha256]);
  const lines = installed.map((manifest) => `${describe(manifest)}${told(manifest.sha256)}`);
  process.stdout.write(`Installed\n${lines.join('')}`);
  if (figures !== undefined) process.stdout.write(LEGEND.replace('MACHINE', figures.machine));
  if (available.length > 0) process.stdout.write('\nBetter ones, for machines that carry them\n');
  for (const { name, suits, licence, source, sha256 } of available) {
    process.stdout.write(`  ${name.padEnd(20)} ${licence.padEnd(12)} for ${suits}\n`);
    process.stdout.write(`    ${source}\n${told(sha256)}    vedette models pull ${name}\n`);
  }
  process.stdout.write(OTHERS);
  return 0;
}

function describe(manifest: ModelManifest): string {
  const { name, version, licence, input, labels, head, sha256 } = manifest;
  const use = name === EMBEDDED ? '  (used when a configuration names none)' : '';
  const shown = labels.length > 10 ? `${labels.length} labels` : labels.join(', ');
  const format = `${input.widthPx}x${input.heightPx} ${input.dtype}, head ${head}, version ${version}`;
  return `  ${name.padEnd(20)} ${licence.padEnd(12)} ${format}${use}\n    ${shown}\n    sha256 ${sha256}\n`;
}

function describeFigures(figures: ModelFigures | undefined): string {
  if (figures === undefined) return '    not measured\n';
  const { ap50, tracked, cpu_ms } = figures;
  const sets = Object.entries(ap50).map(([set, ap]) => `${(100 * ap).toFixed(1)} ${set}`);
  const { recall, precision } = tracked;
  return (
    `    AP50 ${sets.join(' · ')}\n` +
    `    followed on the demo clip: recall ${recall.toFixed(2)}, precision ${precision.toFixed(2)}; ${cpu_ms.toFixed(1)} ms\n`
  );
}
