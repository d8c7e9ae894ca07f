// `vedette probe`: what this machine can decode and infer with, and why.
import type { Choice, DecoderChoice, HardwareProfile } from '../contracts/hardware.ts';
import { causeText } from '../core/errors.ts';
import { probe } from '../hw/probe.ts';
import type { Runtime } from '../hw/providers.ts';
import { tryProvider } from '../native/provider-trial.ts';
import { findRuntimeLibrary } from '../native/runtime-library.ts';
import { describeRuntime } from '../native/session.ts';
import { tryCameraProcess } from '../pipeline/decoder-trial.ts';
import { cameraEnvironment } from './camera-environment.ts';
import { readOptions } from './options.ts';

const HELP = `Usage: vedette probe [--json] [--library PATH]

Shows what this machine is, which decoders work here and which execution providers do.
Nothing is taken on trust: every decoder decodes a clip, every provider infers once.
Takes a few seconds, up to a minute where TensorRT builds its first engine.

Options:
  --library PATH   try this libonnxruntime.so instead of the one that would be found
  --json           the same for machines
  -h, --help       this text

Environment:
  VEDETTE_ORT      path of a libonnxruntime.so
`;

export async function probeCommand(args: string[]): Promise<number> {
  const { values } = readOptions(args, {
    json: { type: 'boolean' },
    library: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { runtime, problem } = openRuntime(values.library);
  const environment = cameraEnvironment(process.env);
  const tryOwn = (clip: string) => tryCameraProcess(clip, environment);
  const profile = await probe({ runtime, arch: process.arch, tryOwn });
  const text = values.json ? JSON.stringify(profile, null, 2) : describe(profile, problem);
  process.stdout.write(`${text}\n`);
  return 0;
}

/** A machine without ONNX Runtime can still be described. */
function openRuntime(configured: string | undefined): { runtime: Runtime | null; problem: string } {
  try {
    const library = findRuntimeLibrary(configured, process.env.VEDETTE_ORT).path;
    const infer = (provider: string) => tryProvider({ library, provider });
    return { runtime: { library, ...describeRuntime(library), infer }, problem: '' };
  } catch (error) {
    return { runtime: null, problem: causeText(error) };
  }
}

function describe(profile: HardwareProfile, problem: string): string {
  const { cpu, runtime } = profile;
  const nodes = profile.nodes.map(({ path, kind }) => `${path} (${kind})`).join(', ');
  const facts = [
    ['machine', `${profile.model} (family ${profile.family}, ${profile.arch})`],
    ['processor', `${cpu.brand}, ${cpu.cores} cores, ${cpu.features.join(' ') || 'no extensions'}`],
    ['memory', `${profile.memory_mb} MB`],
    ['devices', nodes || 'no GPU, NPU or codec'],
    ['runtime', runtime ? `ONNX Runtime ${runtime.version}, ${runtime.library}` : problem],
  ];
  return [
    ...facts.map(([name = '', value]) => `${name.padEnd(10)} ${value}`),
    '',
    'Decoders, in the order of choice',
    ...rows(profile.decoders, (one) => [decoderName(one), one.codec]),
    '',
    'Execution providers, in the order of choice',
    ...rows(profile.providers, (one) => [one.name]),
  ].join('\n');
}

function decoderName({ via, name }: DecoderChoice): string {
  return via === 'gstreamer' ? name : `ffmpeg ${name}`;
}

function rows<Row extends Choice>(
  choices: readonly Row[],
  cells: (row: Row) => string[],
): string[] {
  if (choices.length === 0) return ['  none'];
  const texts = choices.map(cells);
  const widths = texts[0]!.map((_, at) => Math.max(...texts.map((row) => row[at]!.length)));
  return choices.map((choice, row) => {
    const mark = choice.usable ? '+' : '-';
    const columns = texts[row]!.map((text, at) => text.padEnd(widths[at]!));
    return `  ${mark} ${columns.join('  ')}  ${choice.reason}`;
  });
}
