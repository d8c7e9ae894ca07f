// `vedette explain`: asks the running agent how a camera does and what holds it back.
import { loadConfig } from '../config/load.ts';
import { AgentError } from '../core/errors.ts';
import type { CameraExplanation } from '../pipeline/explain.ts';
import { askAgent, controlSocketIn } from '../remote/control-socket.ts';
import { readOptions } from './options.ts';

const HELP = `vedette explain: how a camera of the running agent does, and what holds it back.

Usage: vedette explain [CAMERA] [--config FILE] [--json]

  CAMERA          its name in the configuration; without it, all of them
  --config FILE   the configuration that the agent runs with (default /etc/vedette/config.yaml)
  --json          for machines

Watches the agent for two seconds: decoder, rates, why frames were not analysed, bytes copied, use of the model, and the
bottleneck. Asks through the agent's control socket, so it needs no broker; run it as root or as the agent's user.
`;

export async function explainCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    config: { type: 'string', default: '/etc/vedette/config.yaml' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [camera, ...rest] = positionals;
  if (rest.length > 0) throw new AgentError('USAGE', { problem: 'explain takes one camera' });
  const { storage } = loadConfig(values.config, process.env).config;
  const request = { command: 'explain', ...(camera !== undefined && { camera }) };
  const answer = await askAgent(controlSocketIn(storage.path), request);
  if (answer.status === 'error')
    throw new AgentError('COMMAND_REFUSED', { cause: answer.error ?? '' });
  const cameras = answer.data.cameras as CameraExplanation[];
  const text = values.json ? JSON.stringify(cameras, null, 2) : cameras.map(describe).join('\n\n');
  process.stdout.write(`${text}\n`);
  return 0;
}

function describe(told: CameraExplanation): string {
  const { decode, schedule, copies, inference, record } = told;
  const size = decode.frame_size?.join('x') ?? 'unknown size';
  const skips = Object.entries(schedule.skipped_per_s).filter(([, rate]) => rate > 0);
  const lines: [string, string | null][] = [
    ['state', `${told.state} since ${told.since}`],
    ['error', told.last_error],
    ['next attempt', told.next_attempt],
    [
      'decode',
      `${decode.codec ?? 'no codec yet'} ${size} by ${decode.decoder ?? 'nothing'}, ${decode.fps} frames/s`,
    ],
    ['software since', decode.fallback],
    ['process', `${decode.cpu_percent} % of a core`],
    ['analysed', `${schedule.inferred_fps} of ${schedule.wanted_fps} frames/s wanted`],
    ['skipped', skips.map(([cause, rate]) => `${cause} ${rate}/s`).join(', ') || 'nothing'],
    ['copied', copiedText(copies)],
    [
      'model',
      `${inference.model} on ${inference.provider}, ${inference.sessions} sessions, ${inference.ms_per_frame} ms a frame`,
    ],
    [
      'budget',
      `${inference.share_percent} % of the sessions; all cameras ${inference.busy_percent} %`,
    ],
    ['recorded', record && recordText(record)],
    ['record error', record?.last_error ?? null],
    ['bottleneck', told.bottleneck],
  ];
  const shown = lines.filter(([, text]) => text !== null);
  return [told.camera, ...shown.map(([name, text]) => `  ${name.padEnd(15)}${text}`)].join('\n');
}

function recordText(record: NonNullable<CameraExplanation['record']>): string {
  const { state, codec, frame_size: size, fps, cpu_percent: cpu } = record;
  const stream = `${codec ?? 'no codec yet'} ${size?.join('x') ?? 'unknown size'}, ${fps} frames/s`;
  return `${state}, ${stream}, ${cpu} % of a core`;
}

function copiedText({
  bytes_per_inferred_frame: bytes,
  share_of_frame: share,
}: CameraExplanation['copies']): string {
  const kilobytes = `${Math.round(bytes / 1024)} KiB per analysed frame`;
  return share === null ? kilobytes : `${kilobytes}, ${Math.round(share * 100)} % of a decoded one`;
}
