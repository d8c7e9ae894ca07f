// Commands that concern the running agent: how a camera does, a picture now, another log level, a restart.
import type { CommandHandler, CommandName, CommandRequest } from '../contracts/command.ts';
import { AgentError } from '../core/errors.ts';
import type { LogLevel } from '../core/log.ts';

export interface AgentCommandsOptions {
  /** A JPEG of the camera's newest frame; undefined when it has none. */
  snapshot(camera: string): Promise<Uint8Array | undefined>;
  /** What two looks at the camera say of it; takes as long as lies between them. */
  explain(camera: string): Promise<Readonly<Record<string, unknown>>>;
  readonly cameras: () => readonly string[];
  setLogLevel(level: LogLevel): void;
  /** Ends the process so that its service manager starts it again. */
  restart(): void;
}

const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error'];
/** The answer must reach the broker before the connection goes down. */
const RESTART_DELAY_MS = 500;

type AgentCommand = Extract<CommandName, 'explain' | 'snapshot' | 'loglevel' | 'restart'>;

export function agentCommands(
  options: AgentCommandsOptions,
): Readonly<Record<AgentCommand, CommandHandler>> {
  return {
    explain: async (request) => {
      const wanted =
        request.camera === undefined
          ? options.cameras()
          : [requireCamera(request, options.cameras())];
      return { cameras: await Promise.all(wanted.map((camera) => options.explain(camera))) };
    },
    snapshot: async (request) => {
      const camera = requireCamera(request, options.cameras());
      const jpeg = await options.snapshot(camera);
      if (jpeg === undefined) throw refusal(`camera ${camera} has no picture now`);
      return { camera, jpeg_base64: Buffer.from(jpeg).toString('base64') };
    },
    loglevel: async ({ level }) => {
      const known = LEVELS.find((candidate) => candidate === level);
      if (known === undefined) throw refusal(`\`level\` must be one of ${LEVELS.join(', ')}`);
      options.setLogLevel(known);
      return { level: known };
    },
    restart: async () => {
      setTimeout(() => options.restart(), RESTART_DELAY_MS);
      return { restarting: true };
    },
  };
}

function requireCamera({ camera }: CommandRequest, known: readonly string[]): string {
  if (typeof camera === 'string' && known.includes(camera)) return camera;
  throw refusal(`\`camera\` must be one of ${known.join(', ')}`);
}

function refusal(cause: string): AgentError {
  return new AgentError('COMMAND_REFUSED', { cause });
}
