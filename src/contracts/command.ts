// Requests from afar and their answers, over MQTT and the control socket today, HTTP tomorrow.

export type CommandName =
  | 'config/get'
  | 'config/set'
  | 'config/replace'
  | 'config/rollback'
  | 'camera/probe'
  | 'explain'
  | 'snapshot'
  | 'restart'
  | 'loglevel';

/** Body of `<prefix>/<device>/cmd/<name>`; everything but `transaction` depends on the command. */
export interface CommandRequest {
  readonly transaction?: string;
  readonly [key: string]: unknown;
}

/** Body of `<prefix>/<device>/rsp/<name>`. */
export interface CommandResponse {
  readonly status: 'ok' | 'error';
  readonly data: Readonly<Record<string, unknown>>;
  readonly error?: string;
  readonly transaction?: string;
}

/** Throws AgentError `COMMAND_REFUSED` or `CONFIG_INVALID` to refuse. */
export type CommandHandler = (request: CommandRequest) => Promise<Record<string, unknown>>;
