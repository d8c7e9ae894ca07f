// What a new configuration changes, and what has to happen for it.

import { isDeepStrictEqual } from 'node:util';
import { isBlock } from './plain-data.ts';
import { pathText } from './problem.ts';
import { type Config, configSchema } from './schema/config.ts';
import { metadataAt, type Path, rootOf } from './schema/keys.ts';
import type { Apply } from './schema/metadata.ts';

const STRICTEST_FIRST: readonly Apply[] = ['agent', 'camera', 'live'];

export interface Change {
  readonly path: Path;
  /** Undefined: the key was, or is no longer there. */
  readonly from: unknown;
  readonly to: unknown;
}

export interface ChangePlan {
  /** Keys that the running agent takes over as they are. */
  readonly live: readonly string[];
  /** Camera ids; `changed` ones need a new process, all others keep theirs. */
  readonly cameras: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
  /** Keys that are used from the next start of the agent on. */
  readonly agent: readonly string[];
}

/** Applying all of them to `before` gives `after`. Lists are taken whole. */
export function differences(before: unknown, after: unknown, path: Path = []): Change[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isBlock(before) || !isBlock(after)) return [{ path, from: before, to: after }];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differences(before[key], after[key], [...path, key]));
}

export function planChange(before: Config, after: Config): ChangePlan {
  const live: string[] = [];
  const agent: string[] = [];
  const changed = new Set<string>();
  for (const change of differences(before, after)) {
    const { path } = change;
    const [section, id] = path;
    const isWholeCamera = section === 'cameras' && path.length === 2;
    if (isWholeCamera) continue;
    const apply = strictestApply(change);
    if (apply === 'live') live.push(pathText(path));
    else if (apply === 'camera') changed.add(String(id));
    else agent.push(pathText(path));
  }
  const missingIn = (other: Config) => (camera: string) => !Object.hasOwn(other.cameras, camera);
  return {
    live,
    cameras: {
      added: Object.keys(after.cameras).filter(missingIn(before)),
      removed: Object.keys(before.cameras).filter(missingIn(after)),
      changed: [...changed],
    },
    agent,
  };
}

/** Of a block that comes or goes as a whole, the key that asks for most decides. */
function strictestApply({ path, from, to }: Change): Apply {
  const isWhole = isBlock(from ?? to) && isBlock(to ?? from);
  const keys = isWhole ? differences(from ?? {}, to ?? {}, path).map((each) => each.path) : [path];
  const applies = keys.map(applyOf);
  return STRICTEST_FIRST.find((apply) => applies.includes(apply)) ?? 'agent';
}

/** What the key says, or the nearest one around it that the schema describes. */
function applyOf(path: Path): Apply {
  for (let length = path.length; length > 0; length--) {
    const metadata = metadataAt(rootOf(configSchema), path.slice(0, length));
    if (metadata !== undefined) return metadata.apply ?? 'agent';
  }
  return 'agent';
}

export function isEmptyPlan({ live, cameras, agent }: ChangePlan): boolean {
  const lists = [live, agent, cameras.added, cameras.removed, cameras.changed];
  return lists.every((list) => list.length === 0);
}
