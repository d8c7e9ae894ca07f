#!/usr/bin/env node
// The command line: one table of commands, each in its own file, loaded when it is called.
import { AgentError, causeText } from '../core/errors.ts';
import { redactText } from '../core/redact.ts';
import { VERSION } from './version.ts';

type Command = (args: string[]) => Promise<number>;

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  run: {
    summary: 'watch the cameras of a configuration: the daemon',
    load: async () => (await import('./run.ts')).runCommand,
  },
  watch: {
    summary: 'watch one RTSP URL, file or /dev/videoN on this terminal, without configuration',
    load: async () => (await import('./watch.ts')).watchCommand,
  },
  check: {
    summary: 'say what is wrong with a configuration, or what it would run',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  explain: {
    summary: 'say how the cameras of a running agent do, and what holds them back',
    load: async () => (await import('./explain.ts')).explainCommand,
  },
  probe: {
    summary: 'show what this machine can decode and infer with, and why',
    load: async () => (await import('./probe.ts')).probeCommand,
  },
  models: {
    summary: 'list the models that are installed and those that can be',
    load: async () => (await import('./models.ts')).modelsCommand,
  },
  bench: {
    summary: 'measure what this machine carries: streams, limits, latency; with plots',
    load: async () => (await import('./bench.ts')).benchCommand,
  },
  record: {
    summary: 'write what the model sees, for replay',
    load: async () => (await import('./record.ts')).recordCommand,
  },
  replay: {
    summary: 'try zones and rules on a recording or a video',
    load: async () => (await import('./replay.ts')).replayCommand,
  },
  camera: {
    summary: 'serve a video file as an RTSP camera, for tests and demos',
    load: async () => (await import('./camera.ts')).cameraCommand,
  },
  service: {
    summary: 'install, show or remove the systemd service',
    load: async () => (await import('./service.ts')).serviceCommand,
  },
  demo: {
    summary: 'two cameras from real footage, a broker, the agent: see it work',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
};

const HELP = `vedette ${VERSION}: watches cameras and tells MQTT, SQLite and alert receivers what moves there.

Usage: vedette COMMAND [OPTIONS]

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(9)} ${summary}`)
  .join('\n')}

\`vedette COMMAND --help\` explains a command.

First steps
  vedette watch rtsp://user:password@192.168.1.20/stream
  vedette service install && nano /etc/vedette/config.yaml
  vedette check /etc/vedette/config.yaml

Exit status: 0 done, 64 wrong usage, 78 wrong configuration, 70 a defect of Vedette.
`;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP);
    return name === undefined ? 64 : 0;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${VERSION}\n`);
    return 0;
  }
  const entry = COMMANDS[name];
  if (entry === undefined)
    throw new AgentError('USAGE', { problem: `no command is named ${name}` });
  const command = await entry.load();
  return command(rest);
}

// A command is over when it returns or fails: a timer or socket that it left open must not keep the process,
// or the service manager would never see that a start failed.
try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const isExplained = error instanceof AgentError;
  const text = isExplained ? error.message : ((error as Error).stack ?? causeText(error));
  process.stderr.write(`vedette: ${redactText(text)}\n`);
  if (isExplained) process.stderr.write(`vedette: ${error.remedy}\n`);
  process.exit(isExplained ? error.exit : 70);
}
