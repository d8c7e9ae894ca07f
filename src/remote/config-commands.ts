// Configuration from afar: get, set, replace, rollback. Knows no transport.

import { type ChangePlan, isEmptyPlan, planChange } from '../config/diff.ts';
import { type LoadedConfig, MAX_CONFIG_BYTES } from '../config/load.ts';
import { completeSecrets, mergePatch, toYaml } from '../config/merge.ts';
import { formatProblems } from '../config/problem.ts';
import { type Config, configSchema } from '../config/schema/config.ts';
import { rootOf } from '../config/schema/keys.ts';
import { hideSecrets } from '../config/secrets.ts';
import { SourceText } from '../config/source-text.ts';
import type { ConfigStore, StoredConfig } from '../config/store.ts';
import type { CommandHandler, CommandName, CommandRequest } from '../contracts/command.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

export interface RemoteConfigOptions {
  readonly store: ConfigStore;
  /** What the agent started with. */
  readonly started: StoredConfig;
  /**
   * Makes the running agent follow `plan` to `config`; keys in `plan.agent` wait for the next start.
   * Resolves when what changed is healthy. When it rejects, it is called again with the way back.
   */
  readonly apply: (plan: ChangePlan, config: Config) => Promise<void>;
  /** Called after a document has come into force. */
  readonly changed?: () => void;
  readonly log: Log;
}

/** What is in force, as answers and the device's `info` tell it. */
export interface ConfigIdentity {
  readonly version: number;
  /** SHA-256 of the document's text. */
  readonly hash: string;
  readonly origin: 'file' | 'pushed';
  readonly restart_required: boolean;
}

type ConfigCommand = Extract<CommandName, `config/${string}`>;

/**
 * Validates, stages, applies and only then promotes a document: whenever the agent is killed, the next
 * start finds the old one or the new one. One request at a time; others wait their turn.
 */
export class RemoteConfig {
  readonly handlers: Readonly<Record<ConfigCommand, CommandHandler>> = {
    'config/get': () => this.inTurn(() => Promise.resolve(this.get())),
    'config/set': (request) => this.inTurn(() => this.change(request, this.patched(request))),
    'config/replace': (request) => this.inTurn(() => this.change(request, this.replaced(request))),
    'config/rollback': (request) => this.inTurn(() => this.change(request, this.previous())),
  };
  private readonly options: RemoteConfigOptions;
  private running: StoredConfig;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: RemoteConfigOptions) {
    this.options = options;
    this.running = options.started;
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private get(): Record<string, unknown> {
    const { path, text } = this.running;
    const root = rootOf(configSchema);
    const written = new SourceText(path, text, root).data();
    return { ...this.identity(), config: hideSecrets(written, root) };
  }

  identity(): ConfigIdentity {
    const { version, hash, origin } = this.running;
    return { version, hash, origin, restart_required: this.pendingKeys(this.running).length > 0 };
  }

  /** Keys that differ from what the agent started with and wait for the next start. */
  private pendingKeys({ config }: LoadedConfig): readonly string[] {
    return planChange(this.options.started.config, config).agent;
  }

  private patched({ config }: CommandRequest): string {
    if (typeof config !== 'object' || config === null || Array.isArray(config)) {
      throw refusal('`config` must be a block with the keys to change');
    }
    requireSmall(JSON.stringify(config));
    return mergePatch(this.running.text, config);
  }

  private replaced({ config, yaml }: CommandRequest): string {
    if ((config === undefined) === (yaml === undefined)) {
      throw refusal('either `config` (JSON) or `yaml` (text) must be given');
    }
    if (yaml !== undefined && typeof yaml !== 'string') throw refusal('`yaml` must be a text');
    if (yaml !== undefined) requireSmall(yaml);
    return completeSecrets(yaml ?? toYaml(config), this.running.text);
  }

  private previous(): string {
    const text = this.options.store.previousText();
    if (text === undefined)
      throw refusal('there is nothing to go back to: no configuration was pushed');
    return text;
  }

  private async change(request: CommandRequest, text: string): Promise<Record<string, unknown>> {
    requireExpected(request, this.running.hash);
    requireSmall(text);
    const wanted = this.options.store.check(text);
    const plan = planChange(this.running.config, wanted.config);
    const isTrial = request.dry_run === true;
    const version = isTrial ? this.running.version : await this.putInForce(wanted, plan);
    return {
      version,
      hash: wanted.hash,
      dry_run: isTrial,
      applied: [...plan.live, ...camerasOf(plan)],
      restart_required: this.pendingKeys(wanted).length > 0,
      restart_keys: this.pendingKeys(wanted),
      warnings: wanted.warnings.map((warning) => formatProblems([warning])),
    };
  }

  private async putInForce(wanted: LoadedConfig, plan: ChangePlan): Promise<number> {
    const { store, apply, changed, log } = this.options;
    if (wanted.hash === this.running.hash) return this.running.version;
    try {
      store.stage(wanted.text);
      if (!isEmptyPlan(plan)) await apply(plan, wanted.config);
      const version = store.promote(this.pendingKeys(wanted).length > 0);
      this.running = { ...wanted, origin: 'pushed', version };
      log.info({ version, hash: wanted.hash, ...plan }, 'configuration changed');
    } catch (error) {
      throw await this.goBack(wanted, error);
    }
    changed?.();
    return this.running.version;
  }

  private async goBack(wanted: LoadedConfig, cause: unknown): Promise<AgentError> {
    const { store, apply, log } = this.options;
    log.error({ cause: causeText(cause) }, 'configuration could not be applied');
    try {
      store.discard();
      const back = planChange(wanted.config, this.running.config);
      if (!isEmptyPlan(back)) await apply(back, this.running.config);
    } catch (error) {
      log.error({ cause: causeText(error) }, 'going back failed');
      return refusal(`${causeText(cause)}; going back failed too: ${causeText(error)}`);
    }
    return refusal(`${causeText(cause)}; version ${this.running.version} is in force again`);
  }
}

function camerasOf({ cameras }: ChangePlan): string[] {
  return [...cameras.added, ...cameras.removed, ...cameras.changed].map((id) => `cameras.${id}`);
}

/** Optimistic locking: the change was made against a configuration that must still be the one in force. */
function requireExpected({ expected_hash }: CommandRequest, hash: string): void {
  if (expected_hash === undefined || expected_hash === hash) return;
  throw refusal(`the configuration was changed meanwhile: its hash is ${hash}; get it again`);
}

function requireSmall(text: string): void {
  if (text.length > MAX_CONFIG_BYTES) {
    throw refusal(`${text.length} characters are too many; at most ${MAX_CONFIG_BYTES}`);
  }
}

function refusal(cause: string): AgentError {
  return new AgentError('COMMAND_REFUSED', { cause });
}
