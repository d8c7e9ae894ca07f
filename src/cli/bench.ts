// `vedette bench`: what this machine carries with a model and a clip, and the profile that admission works with.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { generateClip } from '../bench/generated-clip.ts';
import { benchHtml } from '../bench/report-html.ts';
import { benchText } from '../bench/report-text.ts';
import { type BenchResult, selfBench } from '../bench/self-bench.ts';
import { loadConfig, requireValid } from '../config/load.ts';
import type { Config } from '../config/schema/config.ts';
import { validate } from '../config/validate.ts';
import { systemClock } from '../core/clock.ts';
import { AgentError, causeText } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { capacityFile } from '../pipeline/admission-control.ts';
import { cameraEnvironment } from './camera-environment.ts';
import { resolveModel } from './installed-models.ts';
import { integerOption, readOptions } from './options.ts';
import { VERSION } from './version.ts';

const HELP = `vedette bench: what this machine carries, measured with your model and your footage.

Usage: vedette bench [OPTIONS]

Decodes the clip in real camera processes, prints its frames, infers with every core, runs the whole path as
fast as it goes, then live. From that follow the limit of the machine, the streams it supports, what holds it
back, and the delay from capture to detections. Takes about a minute; stop other work meanwhile, the daemon too.

  --config FILE   take model, runtime and storage of this configuration
  --model NAME    a model that \`vedette models\` lists, or an ONNX file with a manifest
  --clip FILE     a recording of a camera like yours; without it 1080p30 H.264 is generated. What is decoded
                  decides how many streams fit, so use one with the size and rate of your cameras
  --fps N         analysed frames per camera and second (default 5)
  --seconds N     length of each of six measurements (default 4)
  --json          the result for machines, on standard output
  --html FILE     the result with plots, as one page that needs nothing else
  --dry-run       keep no profile

The profile is kept in capacity.json of the storage folder. From then on the daemon lowers rates by priority
where cameras ask for more than the machine carries, refuses a camera too many, and \`vedette check\` says so
beforehand. Measure again after a change of model, runtime library or processor: older profiles do not count then.
`;

const OPTIONS = {
  config: { type: 'string' },
  model: { type: 'string' },
  clip: { type: 'string' },
  fps: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '4' },
  json: { type: 'boolean' },
  html: { type: 'string' },
  'dry-run': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof readOptions<typeof OPTIONS>>['values'];

export async function benchCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, OPTIONS);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (positionals.length > 0) {
    throw new AgentError('USAGE', { problem: `bench takes no argument ${positionals[0]}` });
  }
  const folder = mkdtempSync(join(tmpdir(), 'vedette-bench-'));
  try {
    await bench(values, folder);
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bench(values: Values, folder: string): Promise<void> {
  const seconds = integerOption('seconds', values.seconds, { min: 1, max: 600 }) ?? 0;
  const fps = Number(values.fps);
  if (!(fps >= 0.1 && fps <= 60)) {
    throw new AgentError('USAGE', { problem: `--fps ${values.fps}: expected 0.1 to 60` });
  }
  const config = configOf(values);
  const { model, runtime, storage } = config;
  const manifest = resolveModel(model, join(storage.path, 'models'));
  const result = await selfBench({
    ...{ manifest, runtime, fps, folder },
    clip: clipOf(values.clip, folder),
    windowMs: seconds * 1000,
    version: VERSION,
    runtimeLibrary: process.env.VEDETTE_ORT,
    environment: cameraEnvironment(process.env),
    clock: systemClock,
    log: createLog('error'),
    progress: say,
  });
  const text = values.json ? JSON.stringify(result, null, 2) : benchText(result);
  process.stdout.write(`${text}\n`);
  if (values.html !== undefined) writePage(values.html, result);
  if (!values['dry-run']) keep(result, storage.path);
}

/** The one that is named, or what the options stand for; `--model` wins. */
function configOf({ config, model }: Values): Config {
  const document = { cameras: { bench: '/dev/null' }, ...(model !== undefined && { model }) };
  const text = JSON.stringify(document);
  const name = 'the options of this command';
  const made = requireValid(validate(text, { name, environment: {} }), name).config;
  if (config === undefined) return made;
  const loaded = loadConfig(config, process.env).config;
  return model === undefined ? loaded : { ...loaded, model: made.model };
}

function clipOf(clip: string | undefined, folder: string): string {
  if (clip === undefined) {
    say('a 1080p30 clip is generated');
    return generateClip(folder);
  }
  const path = resolve(clip);
  if (!existsSync(path)) throw new AgentError('USAGE', { problem: `${clip} does not exist` });
  return path;
}

function writePage(file: string, result: BenchResult): void {
  try {
    writeFileSync(file, benchHtml(result));
  } catch (error) {
    throw new AgentError('USAGE', { problem: `--html ${file}: ${causeText(error)}` });
  }
  say(`page: ${file}`);
}

/** On a machine without the daemon's folder there is nobody whom a profile would help. */
function keep({ on, profile }: BenchResult, storage: string): void {
  if (!existsSync(storage)) {
    say(`no profile kept: ${storage} does not exist (--config names another storage)`);
    return;
  }
  const file = capacityFile(storage, createLog('warn'));
  if (file.keep(on, profile)) say(`profile: ${file.path}`);
}

/** Standard output belongs to the result. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
