// `vedette check`: says what is wrong with a configuration, or what it would run.
import { explainKey } from '../config/explain.ts';
import { hashText, readConfigText, requireValid } from '../config/load.ts';
import { formatProblems, type Problem, pathText } from '../config/problem.ts';
import { type CameraConfig, type Config, configSchema } from '../config/schema/config.ts';
import { rootOf } from '../config/schema/keys.ts';
import { hideSecrets } from '../config/secrets.ts';
import { type Validation, validate } from '../config/validate.ts';
import { AgentError } from '../core/errors.ts';
import { redactText } from '../core/redact.ts';
import { admissionVerdict } from './admission-verdict.ts';
import { installationChecks } from './installation-checks.ts';
import { readOptions } from './options.ts';

const HELP = `Usage: vedette check FILE [--json]
       vedette check --explain KEY

Reads a configuration as the daemon would and says everything that is wrong with it,
with line, column and remedy, or what it would run. Starts nothing, opens no camera.
Where \`vedette bench\` measured this machine, it also says whether it carries the cameras.

Options:
  --json           the same for machines
  --explain KEY    what a key means: cameras.fps, mqtt, tracking.lost_s …
  -h, --help       this text

Exit status: 0 valid, 78 not.
`;

/** Prints to standard output. Throws `CONFIG_INVALID` unless the answer is JSON. */
export async function checkCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    json: { type: 'boolean' },
    explain: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.explain !== undefined) return explain(values.explain);
  const [path] = positionals;
  if (path === undefined || positionals.length > 1) {
    throw new AgentError('USAGE', { problem: 'check takes one FILE' });
  }
  const validation = validate(readConfigText(path), {
    name: path,
    environment: process.env,
    checks: installationChecks,
  });
  if (values.json) return printJson(validation);
  const { config } = requireValid(validation, path);
  process.stdout.write(`${path} is valid\n\n${describeRun(config)}\n`);
  if (validation.warnings.length > 0) {
    process.stdout.write(`\nWarnings\n${formatProblems(validation.warnings)}\n`);
  }
  return 0;
}

function explain(key: string): number {
  const { text, near } = explainKey(key);
  if (text === undefined) {
    const guess = near === undefined ? '' : `; did you mean "${near}"?`;
    throw new AgentError('USAGE', { problem: `no key is called "${key}"${guess}` });
  }
  process.stdout.write(`${text}\n`);
  return 0;
}

function printJson({ config, problems, warnings, source }: Validation): number {
  const answer = {
    valid: config !== undefined,
    hash: hashText(source.text),
    problems: problems.map(problemRecord),
    warnings: warnings.map(problemRecord),
    config: config === undefined ? null : hideSecrets(config, rootOf(configSchema)),
    admission: (config && admissionVerdict(config)) ?? null,
  };
  process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  return config === undefined ? 78 : 0;
}

function problemRecord({ origin, position, path, message }: Problem) {
  const { line = null, column = null } = position ?? {};
  return { origin, line, column, path: pathText(path), message };
}

/** What the daemon would do with `config`, in lines for people. */
function describeRun(config: Config): string {
  const { device, model, runtime, tracking } = config;
  return [
    `Device   ${device.name}`,
    `Model    ${model.path ?? model.name ?? 'the one that comes with Vedette'}, provider ${runtime.provider}`,
    `Tracker  ${tracking.tracker}`,
    '',
    'Cameras',
    ...Object.entries(config.cameras).map(([id, camera]) => `  ${id}: ${cameraText(camera)}`),
    '',
    `Capacity ${admissionVerdict(config)?.text ?? 'not measured here; `vedette bench` does'}`,
    '',
    'Results go to',
    ...Array.from(sinkLines(config), (line) => `  ${line}`),
  ].join('\n');
}

function cameraText(camera: CameraConfig): string {
  if (!camera.enabled) return `${camera.url}, disabled`;
  const labels = camera.labels?.join(', ') ?? 'every label';
  const login = camera.username === undefined ? '' : ` as ${camera.username}`;
  const { record } = camera.streams ?? {};
  const clips = record === undefined ? '' : `, clips from ${record.url}`;
  return `${camera.url}${login}, ${camera.fps} frames/s, ${labels}, decoder ${camera.decoder}${clips}`;
}

function* sinkLines({ device, mqtt, storage, alerts }: Config): Generator<string> {
  if (mqtt !== undefined)
    yield `MQTT ${redactText(mqtt.url)}, topics ${mqtt.prefix}/${device.name}/…`;
  yield `SQLite ${storage.path}/${storage.database}, kept ${storage.retention_days} days`;
  if (storage.stills.enabled) {
    yield `stills in ${storage.path}, at most ${storage.stills.max_mb} MB`;
  }
  for (const alert of alerts) {
    yield `${alert.type} ${alert.name}: ${alert.events.join(', ')} to ${new URL(alert.url).origin}`;
  }
}
