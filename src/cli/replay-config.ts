// Configurations for recording and replay: read from a file, or made up for a single source.
import { readConfigText, requireValid } from '../config/load.ts';
import type { Config } from '../config/schema/config.ts';
import { validate } from '../config/validate.ts';
import { installationChecks } from './installation-checks.ts';

export function readConfig(path: string): Config {
  const options = { name: path, environment: process.env, checks: installationChecks };
  return requireValid(validate(readConfigText(path), options), path).config;
}

/** One camera named `camera`; a file is played once, as fast as it is analysed. */
export function configForSource(
  source: string,
  { fps, model }: { fps?: string | undefined; model?: string | undefined },
): Config {
  const url = /^([a-z]+:\/\/|\.{0,2}\/)/.test(source) ? source : `./${source}`;
  const document = {
    cameras: {
      camera: { url, loop: false, realtime: false, ...(fps !== undefined && { fps: Number(fps) }) },
    },
    ...(model !== undefined && { model }),
  };
  const name = 'the options of this command';
  const text = JSON.stringify(document, null, 2);
  return requireValid(validate(text, { name, environment: {} }), name).config;
}

/** `config` with every enabled camera replaced by one video file, under the id that its zones know. */
export function withVideo(config: Config, camera: string, path: string): Config {
  const url = /^\.{0,2}\//.test(path) ? path : `./${path}`;
  const settings = { ...config.cameras[camera]!, url, loop: false, realtime: false, enabled: true };
  return { ...config, cameras: { [camera]: settings } };
}
