// `vedette record`: writes what the model sees, so that tracking, zones and rules can be tried on it later.
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { Agent } from '../agent.ts';
import type { Config } from '../config/schema/config.ts';
import type { Frame } from '../contracts/frame.ts';
import { systemClock } from '../core/clock.ts';
import { AgentError } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { frameLine, headLine, motLines } from '../pipeline/recording.ts';
import { SinkHub } from '../sinks/hub.ts';
import { cameraEnvironment } from './camera-environment.ts';
import { resolveModel } from './installed-models.ts';
import { integerOption, readOptions } from './options.ts';
import { configForSource, readConfig } from './replay-config.ts';
import { untilStopped } from './until-stopped.ts';

const HELP = `vedette record: writes what the model sees in each analysed frame, for \`vedette replay\`.

Usage: vedette record SOURCE -o FILE [OPTIONS]
       vedette record --config FILE -o FILE [OPTIONS]

SOURCE is an RTSP URL, a video file (played once, as fast as it is analysed), or /dev/videoN. With --config, all cameras
of that configuration are recorded; nothing is published or stored elsewhere.

  -o, --out FILE    where to write; - for standard output
  --format KIND     jsonl (default), or mot: MOTChallenge text, one camera, labels are lost
  --fps N           analysed frames per second (default 5, or as configured)
  --model NAME      a model that \`vedette models\` lists, or an ONNX file with a manifest
  --seconds N       stop after N seconds
`;

/** More than any file has that is worth analysing. */
const MOST_FPS = 60;

export async function recordCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    config: { type: 'string' },
    out: { type: 'string', short: 'o' },
    format: { type: 'string', default: 'jsonl' },
    fps: { type: 'string' },
    model: { type: 'string' },
    seconds: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [source] = positionals;
  if ((source === undefined) === (values.config === undefined) || positionals.length > 1) {
    throw new AgentError('USAGE', { problem: 'record takes one SOURCE, or --config FILE' });
  }
  const { out, format } = values;
  if (out === undefined) throw new AgentError('USAGE', { problem: 'name a file with --out' });
  if (format !== 'jsonl' && format !== 'mot') {
    throw new AgentError('USAGE', { problem: `--format ${format}: expected jsonl or mot` });
  }
  const config =
    values.config === undefined ? configForSource(source!, values) : readConfig(values.config);
  if (format === 'mot' && Object.keys(config.cameras).length > 1) {
    throw new AgentError('USAGE', { problem: '--format mot records one camera, not several' });
  }
  const seconds = integerOption('seconds', values.seconds, { min: 1, max: 1e9 });
  const frames = await record(config, out, format, seconds);
  process.stderr.write(`${frames} frames written to ${out}\n`);
  return 0;
}

/** Returns how many frames were written. Ends with the file, the time, or a signal. */
export async function record(
  config: Config,
  out: string,
  format: 'jsonl' | 'mot',
  seconds: number | undefined,
): Promise<number> {
  const manifest = resolveModel(config.model);
  const output = out === '-' ? process.stdout : createWriteStream(out);
  const log = createLog('warn');
  const clock = systemClock;
  const isWanted = thinned(config);
  let frames = 0;
  const agent = new Agent({
    config: onlyDetecting(config),
    manifest,
    sinks: new SinkHub([], log),
    runtimeLibrary: process.env.VEDETTE_ORT,
    cameraEnvironment: cameraEnvironment(process.env),
    clock,
    log,
    onDetections: (result) => {
      if (!isWanted(result.frame)) return;
      frames += 1;
      output.write(format === 'mot' ? motLines(result) : frameLine(result));
    },
  });
  if (format === 'jsonl') output.write(headLine(config.device.name, manifest));
  await agent.start();
  await untilStopped({ seconds, endWhen: () => agent.areAllEnded() });
  await agent.stop();
  if (output !== process.stdout) {
    output.end();
    await finished(output);
  }
  return frames;
}

/**
 * Neither stills nor totals: those belong to the daemon. A file that does not play in real time gives its
 * next frame when the one before is taken, so all are analysed, still or not, and `thinned` leaves the wanted ones:
 * which those are must not depend on how fast this machine is.
 */
function onlyDetecting(config: Config): Config {
  const stills = { ...config.storage.stills, enabled: false };
  const cameras = Object.entries(config.cameras).map(([id, camera]) => {
    const all = { ...camera, fps: MOST_FPS, idle_fps: MOST_FPS };
    return [id, camera.realtime ? camera : all] as const;
  });
  return {
    ...config,
    cameras: Object.fromEntries(cameras),
    zones: {},
    lines: {},
    rules: {},
    storage: { ...config.storage, stills },
  };
}

/** Keeps the frames that a camera analysed at its configured rate would have seen, by the stream's own time. */
function thinned(config: Config): (frame: Frame) => boolean {
  const lastSlots = new Map<string, number>();
  return ({ camera, session, ptsNs }) => {
    const settings = config.cameras[camera];
    if (settings === undefined || settings.realtime) return true;
    const slot = Math.floor((ptsNs * settings.fps) / 1e9 + 1e-6);
    const key = `${camera}/${session}`;
    const isNew = lastSlots.get(key) !== slot;
    lastSlots.set(key, slot);
    return isNew;
  };
}
