// Alert receiver `webhook`: posts events as signed JSON, again and later when the receiver is away.
import type { AlertConfig } from '../../config/schema/config.ts';
import type { EventRecord } from '../../contracts/event.ts';
import type { Sink, SinkHealth } from '../../contracts/sink.ts';
import type { BackoffOptions } from '../../core/backoff.ts';
import type { Clock } from '../../core/clock.ts';
import { AgentError, causeText } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { Delivery, type Outcome } from '../delivery.ts';
import type { OutboxReader } from '../outbox-reader.ts';
import { Selection } from './selection.ts';
import { signature } from './signature.ts';

export type WebhookConfig = Pick<
  AlertConfig,
  'name' | 'url' | 'secret' | 'headers' | 'events' | 'labels' | 'cameras' | 'cooldown_s'
>;

export interface WebhookDeps {
  readonly config: WebhookConfig;
  readonly reader: OutboxReader;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs?: number;
  readonly backoff?: BackoffOptions;
}

const TIMEOUT_MS = 10_000;
const BACKOFF: BackoffOptions = { firstMs: 1000, maxMs: 300_000 };
/** What a receiver may ask for with Retry-After. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** Below 500, these say "later": Request Timeout, Too Early, Too Many Requests. */
const LATER = new Set([408, 425, 429]);

/**
 * One request at a time, in order. 2xx: delivered. 5xx, 408, 425, 429, no answer within 10 s:
 * again, after the back-off or what Retry-After asks for. Everything else, redirects included
 * (the signature is for the configured address only): rejected and counted.
 */
export class WebhookSink implements Sink {
  readonly name: string;
  private readonly deps: WebhookDeps;
  private readonly selection: Selection;
  private readonly delivery: Delivery;
  private readonly leaving = new AbortController();
  private readonly target: { readonly url: string; readonly headers: Headers };

  /** Throws CONFIG_INVALID for a header that HTTP cannot carry. */
  constructor(deps: WebhookDeps) {
    this.deps = deps;
    this.target = targetOf(deps.config);
    this.name = `webhook ${deps.config.name}`;
    this.selection = new Selection(deps.config);
    const { reader, clock, log, backoff = BACKOFF } = deps;
    const deliver = (event: EventRecord) => this.deliver(event);
    this.delivery = new Delivery({ reader, clock, log, window: 1, backoff, deliver });
  }

  async open(): Promise<void> {
    this.delivery.resume();
  }

  /** Nothing is taken from here: the outbox has the events. */
  write(): void {}

  async flush(limitMs: number): Promise<void> {
    await this.delivery.flush(limitMs);
  }

  /** What is on its way is broken off; the outbox keeps it. */
  async close(): Promise<void> {
    this.delivery.pause();
    this.leaving.abort();
  }

  health(): SinkHealth {
    const { backlog, delivered, rejected, lost } = this.deps.reader.snapshot;
    return {
      state: this.delivery.isAway ? 'down' : 'ok',
      backlog,
      delivered,
      dropped: rejected + lost,
      lastError: this.delivery.lastError,
    };
  }

  private async deliver(event: EventRecord): Promise<Outcome> {
    if (!this.selection.wants(event)) return { kind: 'skipped' };
    try {
      return await this.post(event);
    } catch (error) {
      return { kind: 'retry', cause: fetchCause(error) };
    }
  }

  private async post(event: EventRecord): Promise<Outcome> {
    const { config, clock, timeoutMs = TIMEOUT_MS } = this.deps;
    const body = JSON.stringify(event);
    const unixSeconds = Math.floor(clock.wallMs() / 1000);
    const headers = new Headers(this.target.headers);
    headers.set('content-type', 'application/json');
    headers.set('user-agent', 'vedette');
    headers.set('x-vedette-event', event.event_type);
    headers.set('x-vedette-id', event.id);
    if (config.secret !== undefined) {
      headers.set('x-vedette-signature', signature(config.secret, unixSeconds, body));
    }
    const response = await fetch(this.target.url, {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.any([this.leaving.signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    return verdict(response, clock.wallMs());
  }
}

/** fetch refuses a user name and password in the URL; they become Basic authentication. */
function targetOf(config: WebhookConfig): { url: string; headers: Headers } {
  try {
    const url = new URL(config.url);
    const headers = new Headers(config.headers);
    const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    if (login !== ':' && !headers.has('authorization')) {
      headers.set('authorization', `Basic ${Buffer.from(login).toString('base64')}`);
    }
    url.username = '';
    url.password = '';
    return { url: url.href, headers };
  } catch (error) {
    const problems = `alerts: receiver "${config.name}": ${causeText(error)}`;
    throw new AgentError('CONFIG_INVALID', { count: 1, problems }, error);
  }
}

function verdict(response: Response, wallMs: number): Outcome {
  const { status } = response;
  const cause = `the receiver answered ${status}`;
  if (response.ok) return { kind: 'delivered' };
  if (status >= 300 && status < 400) return { kind: 'rejected', cause: `${cause}, a redirect` };
  if (status < 500 && !LATER.has(status)) return { kind: 'rejected', cause };
  const afterMs = retryAfterMs(response.headers.get('retry-after'), wallMs);
  return { kind: 'retry', cause, ...(afterMs !== undefined && { afterMs }) };
}

/** Seconds or an HTTP date (RFC 9110 §10.2.3); undefined when it is neither. */
function retryAfterMs(value: string | null, wallMs: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - wallMs;
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

/** fetch hides the reason behind `TypeError: fetch failed`. */
function fetchCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  const inner = error.cause instanceof Error ? error.cause : error;
  return inner.message || ('code' in inner ? String(inner.code) : inner.name);
}
