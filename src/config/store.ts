// The configuration in force: the operator's file, or what was pushed since that file was last edited.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { moveDurably, writeAtomically, writeDurably } from './atomic-file.ts';
import type { ConfigCheck } from './finding.ts';
import { hashText, type LoadedConfig, loadConfig, readConfigText, requireValid } from './load.ts';
import { type Environment, listReferences, type Reference } from './references.ts';
import { configSchema } from './schema/config.ts';
import { rootOf } from './schema/keys.ts';
import { SourceText } from './source-text.ts';
import { validate } from './validate.ts';

export interface StoredConfig extends LoadedConfig {
  readonly origin: 'file' | 'pushed';
  /** 0 for the file; grows by one with each push, also with those that went back. */
  readonly version: number;
}

export interface StoreOptions {
  /** The operator's file. Never written. */
  readonly file: string;
  /** Folder for pushed documents; created when needed. */
  readonly directory: string;
  readonly environment: Environment;
  readonly checks?: readonly ConfigCheck[];
  readonly log: Log;
}

interface PushedRecord {
  readonly version: number;
  readonly base: string;
  readonly text: string;
}

/** Folders whose files a pushed document may name as secrets. */
const SECRET_FOLDERS = ['/run/secrets/', '/run/credentials/', '/etc/vedette/secrets/'];
const TRIAL_STARTS = 2;
const HEADER = /^# vedette-config sha256=([0-9a-f]{64}) (version=(\d+) base=([0-9a-f]{64})\n)/;

/**
 * Owns: the files in `directory`: the pushed document in force, the one before it, a candidate while it
 * is being applied, the last one that failed. One process at a time may use a store.
 *
 * Editing the operator's file wins over everything pushed before: who comes last decides.
 */
export class ConfigStore {
  private readonly options: StoreOptions;
  private readonly current: string;
  private readonly previous: string;
  private readonly candidate: string;
  private readonly trial: string;
  private readonly rejected: string;

  constructor(options: StoreOptions) {
    this.options = options;
    this.current = join(options.directory, 'pushed.yaml');
    this.previous = join(options.directory, 'pushed.previous.yaml');
    this.candidate = join(options.directory, 'pushed.candidate.yaml');
    this.trial = join(options.directory, 'pushed.trial');
    this.rejected = join(options.directory, 'pushed.rejected.yaml');
  }

  /**
   * The configuration to run with. Throws only for the operator's file; pushed documents that are
   * damaged or no longer valid are passed over and the reason is logged.
   */
  load(): StoredConfig {
    const { file, environment, checks, log } = this.options;
    const base = loadConfig(file, environment, checks);
    rmSync(this.candidate, { force: true });
    this.countTrial();
    for (const path of [this.current, this.previous]) {
      try {
        const record = readRecord(path);
        if (record === undefined) continue;
        if (record.base !== base.hash) {
          log.warn({ path, file }, 'pushed configuration passed over: the file was edited since');
          break;
        }
        if (record.version === 0) break;
        const loaded = requireValid(this.validate(record.text, base), path);
        return { ...loaded, origin: 'pushed', version: record.version };
      } catch (error) {
        log.error({ path, cause: causeText(error) }, 'pushed configuration passed over');
      }
    }
    return { ...base, origin: 'file', version: 0 };
  }

  /** Judges a text as a pushed document. Throws `CONFIG_INVALID`. */
  check(text: string): LoadedConfig {
    const { file, environment, checks } = this.options;
    const base = loadConfig(file, environment, checks);
    return requireValid(this.validate(text, base), this.current);
  }

  /** Puts `text` beside the document in force, durably. A restart forgets it. */
  stage(text: string): void {
    const base = hashText(readConfigText(this.options.file));
    writeDurably(this.candidate, formatRecord({ version: this.lastVersion() + 1, base, text }));
  }

  /**
   * Makes the staged document the one in force and keeps the one before. Returns its version.
   *
   * On trial means that only a start of the agent can show whether it works: it is taken back when
   * nobody calls `confirm` in the first two starts.
   */
  promote(isOnTrial = false): number {
    const record = readRecord(this.candidate);
    if (record === undefined) throw new Error('nothing is staged');
    writeAtomically(this.previous, formatRecord(this.recordInForce()));
    if (isOnTrial) writeAtomically(this.trial, `${record.version} 0`);
    else this.confirm();
    moveDurably(this.candidate, this.current);
    return record.version;
  }

  /** The agent runs with what `load` returned. */
  confirm(): void {
    rmSync(this.trial, { force: true });
  }

  /** Whether a failure now is probably the fault of what was pushed last. */
  get isOnTrial(): boolean {
    return existsSync(this.trial);
  }

  discard(): void {
    rmSync(this.candidate, { force: true });
  }

  /** The text that a rollback returns to; undefined when nothing was pushed yet. */
  previousText(): string | undefined {
    return readable(this.previous)?.text;
  }

  private validate(text: string, base: LoadedConfig): ReturnType<typeof validate> {
    const { environment, checks } = this.options;
    return validate(text, {
      name: 'pushed.yaml',
      environment,
      ...(checks && { checks }),
      mayRefer: ruleFor(base),
    });
  }

  /** Puts a pushed document aside that the agent was started with twice and did not come up. */
  private countTrial(): void {
    if (!this.isOnTrial) return;
    const [version, starts] = readFileSync(this.trial, 'utf8').split(' ').map(Number);
    if (readable(this.current)?.version !== version || starts === undefined) {
      this.confirm();
    } else if (starts < TRIAL_STARTS) {
      writeAtomically(this.trial, `${version} ${starts + 1}`);
    } else {
      const fields = { version, path: this.rejected };
      this.options.log.error(fields, 'pushed configuration put aside: no start succeeded');
      moveDurably(this.current, this.rejected);
      this.confirm();
    }
  }

  /** What would be loaded now, without validating it. */
  private recordInForce(): PushedRecord {
    const text = readConfigText(this.options.file);
    const base = hashText(text);
    const pushed = readable(this.current);
    return pushed !== undefined && pushed.base === base ? pushed : { version: 0, base, text };
  }

  private lastVersion(): number {
    const versions = [this.current, this.previous, this.rejected].map(
      (path) => readable(path)?.version ?? 0,
    );
    return Math.max(...versions);
  }
}

/**
 * A pushed document may not point at just any file or variable: who may push cameras would read them by
 * sending them as a password to an address of his own. What the operator's file names is allowed.
 */
function ruleFor(base: LoadedConfig): (reference: Reference) => string | undefined {
  const source = new SourceText(base.path, base.text, rootOf(configSchema));
  const known = new Set(listReferences(source.data()).map(nameOf));
  return (reference) => {
    if (known.has(nameOf(reference))) return undefined;
    if (reference.kind === 'environment') {
      return reference.name.startsWith('VEDETTE_')
        ? undefined
        : `a pushed configuration may use only variables that begin with VEDETTE_, or that ${base.path} uses`;
    }
    const isInside = SECRET_FOLDERS.some((folder) => reference.path.startsWith(folder));
    return isInside && !reference.path.includes('/../')
      ? undefined
      : `a pushed configuration may name only files in ${SECRET_FOLDERS.join(', ')}, or that ${base.path} names`;
  };
}

function nameOf(reference: Reference): string {
  return reference.kind === 'file' ? `file ${reference.path}` : `variable ${reference.name}`;
}

function formatRecord({ version, base, text }: PushedRecord): string {
  const rest = `version=${version} base=${base}\n${text}`;
  return `# vedette-config sha256=${hashText(rest)} ${rest}`;
}

/** Undefined when there is no such file; throws when it is not whole. */
function readRecord(path: string): PushedRecord | undefined {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const match = HEADER.exec(content);
  const text = content.slice(match?.[0].length ?? 0);
  if (match === null || hashText(match[2] + text) !== match[1]) {
    throw new Error('the file is damaged');
  }
  return { version: Number(match[3]), base: match[4]!, text };
}

function readable(path: string): PushedRecord | undefined {
  try {
    return readRecord(path);
  } catch {
    return undefined;
  }
}
