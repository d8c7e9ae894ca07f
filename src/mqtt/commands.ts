// Requests from the broker: parsing, limits, and an answer for every one of them.
import type { CommandHandler, CommandRequest, CommandResponse } from '../contracts/command.ts';
import { AgentError, causeText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** A configuration document is the largest request there is. */
const MAX_REQUEST_BYTES = 256 * 1024;
const MAX_RUNNING = 4;
const MAX_TRANSACTION = 256;

export class CommandDesk {
  private readonly handlers = new Map<string, CommandHandler>();
  private running = 0;
  private readonly log: Log;

  constructor(log: Log) {
    this.log = log;
  }

  on(name: string, handler: CommandHandler): void {
    this.handlers.set(name, handler);
  }

  /**
   * Runs the handler and gives the answer to publish; never rejects. At most 4 requests run at
   * once, further ones are told so. A retained request is refused: the broker would repeat it
   * at every reconnect.
   */
  async answer(name: string, payload: Uint8Array, isRetained: boolean): Promise<CommandResponse> {
    let transaction: string | undefined;
    try {
      const request = parseRequest(payload);
      transaction = transactionOf(request);
      if (isRetained) throw refusal('a request must not be retained');
      const handler = this.handlers.get(name);
      if (handler === undefined) throw refusal(this.unknown(name));
      const data = await this.run(name, handler, request);
      return { status: 'ok', data, ...withTransaction(transaction) };
    } catch (error) {
      const text = this.explain(name, error);
      return { status: 'error', data: {}, error: text, ...withTransaction(transaction) };
    }
  }

  private async run(
    name: string,
    handler: CommandHandler,
    request: CommandRequest,
  ): Promise<Record<string, unknown>> {
    if (this.running >= MAX_RUNNING) throw refusal('too many requests are running; try again');
    this.running += 1;
    try {
      this.log.info({ command: name }, 'command received');
      return await handler(request);
    } finally {
      this.running -= 1;
    }
  }

  private explain(name: string, error: unknown): string {
    if (error instanceof AgentError) {
      this.log.warn({ command: name, code: error.code, cause: error.message }, 'command refused');
      return `${error.message}; ${error.remedy}`;
    }
    this.log.error({ command: name, cause: causeText(error), error }, 'command failed');
    return 'the command failed inside Vedette; its log says why';
  }

  private unknown(name: string): string {
    return `unknown command "${name}"; known are ${[...this.handlers.keys()].sort().join(', ') || 'none'}`;
  }
}

function parseRequest(payload: Uint8Array): CommandRequest {
  if (payload.byteLength > MAX_REQUEST_BYTES) {
    throw refusal(`the request is larger than ${MAX_REQUEST_BYTES} bytes`);
  }
  const text = new TextDecoder().decode(payload);
  if (text.trim() === '') return {};
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch (error) {
    throw refusal(`the request is not JSON: ${causeText(error)}`);
  }
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw refusal('the request must be a JSON object');
  }
  return request as CommandRequest;
}

function transactionOf(request: CommandRequest): string | undefined {
  const { transaction } = request;
  if (transaction === undefined) return undefined;
  if (typeof transaction === 'string' && transaction.length <= MAX_TRANSACTION) return transaction;
  throw refusal(`transaction must be text of at most ${MAX_TRANSACTION} characters`);
}

function withTransaction(transaction: string | undefined): { transaction?: string } {
  return transaction === undefined ? {} : { transaction };
}

function refusal(cause: string): AgentError {
  return new AgentError('COMMAND_REFUSED', { cause });
}
