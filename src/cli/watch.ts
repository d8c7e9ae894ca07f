// `vedette watch SOURCE`: one camera, the default model, readable lines; needs no configuration.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { requireValid } from '../config/load.ts';
import type { Config } from '../config/schema/config.ts';
import { validate } from '../config/validate.ts';
import { AgentError } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { assemble } from './assemble.ts';
import { integerOption, readOptions } from './options.ts';
import { Rates } from './rates.ts';
import { TerminalSink } from './terminal-sink.ts';
import { untilStopped } from './until-stopped.ts';

const HELP = `vedette watch: watches one camera on this terminal, without any configuration.

Usage: vedette watch SOURCE [OPTIONS]

SOURCE is an RTSP URL (rtsp://user:password@host/path), a video file, or /dev/videoN.

  --fps N           analysed frames per second (default 5)
  --labels a,b      follow only these labels
  --model NAME      a model that \`vedette models\` lists, or an ONNX file with a manifest
  --decoder KIND    gstreamer or ffmpeg (default: gstreamer)
  --udp             RTP over UDP instead of TCP
  --once            a file: stop at its end instead of playing it again
  --fast            a file: as fast as frames are analysed
  --stills FOLDER   keep a JPEG of the best view of each object there
  --mqtt URL        publish to this broker as well
  --seconds N       stop after N seconds
  --verbose         also print better views and heartbeats, and the log

A line tells time, camera, object, what happened, score, and where: x,y and size in percent of the picture.
`;

const OPTIONS = {
  fps: { type: 'string' },
  labels: { type: 'string' },
  model: { type: 'string' },
  decoder: { type: 'string' },
  udp: { type: 'boolean' },
  once: { type: 'boolean' },
  fast: { type: 'boolean' },
  stills: { type: 'string' },
  mqtt: { type: 'string' },
  seconds: { type: 'string' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export async function watchCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, OPTIONS);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [source, ...rest] = positionals;
  if (source === undefined || rest.length > 0) {
    throw new AgentError('USAGE', { problem: 'vedette watch takes one source; see --help' });
  }
  const seconds = integerOption('seconds', values.seconds, { min: 1, max: 1e9 });
  const log = createLog(values.verbose ? 'debug' : 'warn');
  const folder = values.stills ?? mkdtempSync(join(tmpdir(), 'vedette-watch-'));
  const config = configFor(source, resolve(folder), values);
  const terminal = new TerminalSink({
    output: process.stdout,
    isColoured: process.stdout.isTTY === true,
    isVerbose: values.verbose === true,
  });
  const { agent, mqtt, manifest } = assemble(config, log, [terminal]);
  process.stdout.write(
    `watching ${config.cameras.camera?.url} with ${manifest.name}; Ctrl-C ends\n`,
  );
  await mqtt?.start();
  await agent.start();
  const rates = new Rates(agent, process.stdout);
  await untilStopped({ seconds, endWhen: () => agent.areAllEnded() });
  rates.stop();
  await agent.stop();
  await mqtt?.stop();
  if (values.stills === undefined) rmSync(folder, { recursive: true, force: true });
  return 0;
}

type Values = ReturnType<typeof readOptions<typeof OPTIONS>>['values'];

/** The configuration that the options stand for, validated like any other. */
function configFor(source: string, folder: string, values: Values): Config {
  const document = {
    cameras: {
      camera: {
        url: /^([a-z]+:\/\/|\.{0,2}\/)/.test(source) ? source : `./${source}`,
        transport: values.udp ? 'udp' : 'tcp',
        loop: !values.once,
        realtime: !values.fast,
        ...(values.decoder !== undefined && { decoder: values.decoder }),
        ...(values.fps !== undefined && { fps: Number(values.fps) }),
        ...(values.labels !== undefined && { labels: values.labels.split(',') }),
      },
    },
    ...(values.model !== undefined && { model: values.model }),
    ...(values.mqtt !== undefined && { mqtt: { url: values.mqtt } }),
    // Fixed, so that a look at a camera does not begin with measuring layouts.
    runtime: { threads: 1 },
    storage: { path: folder, stills: { enabled: values.stills !== undefined, annotate: true } },
  };
  const text = JSON.stringify(document, null, 2);
  const name = 'the options of this command';
  return requireValid(validate(text, { name, environment: {} }), name).config;
}
