// What a schema cannot say: rules that tie one part of the configuration to another.
import type { ConfigCheck, Finding } from './finding.ts';
import { nearest } from './problem.ts';
import { checkScenes } from './scene-meaning.ts';
import { type CameraConfig, type Config, configSchema } from './schema/config.ts';
import { metadataAt, type Path, rootOf } from './schema/keys.ts';

const ROOT = rootOf(configSchema);

export const checkMeaning: ConfigCheck = (config) => [
  ...sameSources(config.cameras),
  ...sameStreams(config.cameras),
  ...reservedIds(config.cameras),
  ...alertReceivers(config),
  ...neverStarting(config),
  ...hiddenSecrets(config, []),
  ...checkScenes(config),
];

/** Cameras that are opened twice cost twice, and many cameras refuse a second connection. */
function* sameSources(cameras: Config['cameras']): Generator<Finding> {
  const first = new Map<string, string>();
  for (const [id, camera] of Object.entries(cameras)) {
    if (!camera.enabled) continue;
    const other = first.get(camera.url);
    if (other === undefined) first.set(camera.url, id);
    else {
      yield {
        severity: 'warning',
        path: ['cameras', id],
        message: `the same source as camera "${other}"; it will be opened and analysed twice`,
      };
    }
  }
}

function* sameStreams(cameras: Config['cameras']): Generator<Finding> {
  for (const [id, { url, streams }] of Object.entries(cameras)) {
    if (streams?.record.url !== url) continue;
    yield {
      severity: 'warning',
      path: ['cameras', id, 'streams', 'record'],
      message: 'the same stream as `detect`; without it clips are made of that one anyway',
    };
  }
}

function* reservedIds(cameras: Readonly<Record<string, CameraConfig>>): Generator<Finding> {
  const lower = new Map<string, string>();
  for (const id of Object.keys(cameras)) {
    const other = lower.get(id.toLowerCase());
    if (other !== undefined) {
      yield {
        severity: 'error',
        path: ['cameras', id],
        message: `differs from "${other}" only in case; ids name files and environment variables too`,
      };
    }
    lower.set(id.toLowerCase(), id);
  }
}

function* alertReceivers({ alerts, cameras }: Config): Generator<Finding> {
  const names = new Set<string>();
  for (const [index, alert] of alerts.entries()) {
    if (names.has(alert.name)) {
      yield {
        severity: 'error',
        path: ['alerts', index, 'name'],
        message: `"${alert.name}" is taken by a receiver above`,
      };
    }
    names.add(alert.name);
    for (const [position, camera] of (alert.cameras ?? []).entries()) {
      if (Object.hasOwn(cameras, camera)) continue;
      const near = nearest(camera, Object.keys(cameras));
      yield {
        severity: 'error',
        path: ['alerts', index, 'cameras', position],
        message: `no camera is called "${camera}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
      };
    }
  }
}

/** A configuration that can never report anything is legal, and probably not meant. */
function* neverStarting({ cameras, tracking }: Config): Generator<Finding> {
  if (Object.values(cameras).every((camera) => !camera.enabled)) {
    yield { severity: 'warning', path: ['cameras'], message: 'no camera is enabled' };
  }
  const { new_score, low_score } = tracking;
  if (new_score !== undefined && low_score !== undefined && new_score < low_score) {
    yield {
      severity: 'warning',
      path: ['tracking', 'new_score'],
      message: `below low_score (${low_score}); low_score decides`,
    };
  }
}

/** `***` is what secrets are shown as; it comes back when nobody could say which one was meant. */
function* hiddenSecrets(value: unknown, path: Path): Generator<Finding> {
  if (typeof value === 'string') {
    const isHidden = metadataAt(ROOT, path)?.secret ? value === '***' : /:\*\*\*@/.test(value);
    if (!isHidden) return;
    const message = 'stands for a secret that is not known here; give it in full';
    yield { severity: 'error', path, message };
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      yield* hiddenSecrets(inner, [...path, Array.isArray(value) ? Number(key) : key]);
    }
  }
}
