// `vedette camera`: serves video files as RTSP cameras until Ctrl-C.
import { existsSync } from 'node:fs';
import { AgentError } from '../core/errors.ts';
import { integerOption, readOptions } from './options.ts';
import { type RtspServerOptions, startRtspServer } from './rtsp-camera.ts';

const HELP = `Usage: vedette camera FILE... [options]

Serves video files as RTSP cameras, to try Vedette or to test it without a camera.
H.264 and H.265 are sent as they are; other codecs are encoded once, at the start. Every client of a path sees the same stream, which starts with the first
one. TCP and UDP; sender reports carry this machine's time.

Options:
  --port N         port to listen on (8554; 0 chooses a free one)
  --path NAME      what follows rtsp://host:port/ ; once per FILE (cam1, cam2, …)
  --loop           start again at the end of the file, without a gap
  --fps F          send at another rate than the file's own
  --user U         ask for a user name and password (digest or basic)
  --password P     … this one; better in the environment: VEDETTE_CAMERA_PASSWORD
  --listen ADDR    address to listen on (127.0.0.1; 0.0.0.0 for every interface)
  -h, --help       this text

Example:
  vedette camera street.mp4 yard.mp4 --loop
  vedette watch rtsp://127.0.0.1:8554/cam1
`;

/** Runs until SIGINT or SIGTERM. Returns the exit status. */
export async function cameraCommand(args: string[]): Promise<number> {
  const options = parse(args);
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const server = await startRtspServer(options);
  for (const clip of server.clips) {
    const note = clip.transcoded ? ', encoded anew' : '';
    console.log(`${clip.url}  ${clip.frames} frames, ${round(clip.fps)} frames/s${note}`);
  }
  console.log(options.loop ? 'Looping; Ctrl-C ends it.' : 'Plays once per viewer; Ctrl-C ends it.');
  let asked = false;
  const end = (): void => {
    asked = true;
    void server.stop();
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  await server.ended;
  process.off('SIGINT', end).off('SIGTERM', end);
  return asked ? 0 : 70;
}

/** Undefined when only help is asked for. */
function parse(args: string[]): RtspServerOptions | undefined {
  const { values, positionals: files } = readOptions(args, {
    port: { type: 'string', default: '8554' },
    path: { type: 'string', multiple: true },
    loop: { type: 'boolean', default: false },
    fps: { type: 'string' },
    user: { type: 'string' },
    password: { type: 'string' },
    listen: { type: 'string', default: '127.0.0.1' },
    help: { type: 'boolean', short: 'h', default: false },
  });
  if (values.help) return undefined;
  if (files.length === 0) throw usage('name at least one video file');
  for (const file of files) if (!existsSync(file)) throw usage(`there is no file ${file}`);
  const paths = values.path ?? files.map((_, at) => `cam${at + 1}`);
  if (paths.length !== files.length) {
    throw usage(`${files.length} file(s) need as many --path options, not ${paths.length}`);
  }
  for (const path of paths) {
    if (!/^[\w.-]+(\/[\w.-]+)*$/.test(path)) {
      throw usage(`--path ${path}: use letters, digits, dots, dashes and slashes`);
    }
  }
  if (new Set(paths).size !== paths.length) throw usage('every --path must be different');
  const password = values.password ?? process.env.VEDETTE_CAMERA_PASSWORD;
  if (values.user !== undefined && !password) throw usage('--user needs --password');
  if (values.user === undefined && values.password !== undefined) {
    throw usage('--password needs --user');
  }
  return {
    mounts: files.map((file, at) => ({ file, path: paths[at] as string })),
    address: values.listen,
    port: integerOption('port', values.port, { min: 0, max: 65535 }) ?? 0,
    loop: values.loop,
    ...(values.fps === undefined ? {} : { fps: number('--fps', values.fps, 0.1, 240) }),
    ...(values.user === undefined ? {} : { username: values.user, password: password ?? '' }),
  };
}

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw usage(`${option} ${text}: must be a number from ${least} to ${most}`);
}

function usage(problem: string): AgentError {
  return new AgentError('USAGE', { problem: `camera: ${problem}` });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
