// Logging: pino, one JSON line per state change, secrets removed in this place and nowhere else.
import { type Logger, pino } from 'pino';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

const REDACTED = '***';
const SECRET_KEYS = /^(password|passwd|secret|token|authorization|api_key|private_key)$/i;
const CREDENTIALS_IN_URL = /([a-z][a-z0-9+.-]*:\/\/)([^/@\s:]*):([^\s/]*)@/gi;

/** `rtsp://user:pass@host/x` becomes `rtsp://user:***@host/x`; works inside longer text. */
export function redactText(text: string): string {
  return text.replace(CREDENTIALS_IN_URL, `$1$2:${REDACTED}@`);
}

/** A deep copy of `value` without passwords, tokens and credentials in URLs. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redact);
  if (value instanceof Error) {
    return {
      ...(redact({ ...value }) as object),
      name: value.name,
      message: redactText(value.message),
      stack: redactText(value.stack ?? ''),
    };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_KEYS.test(key) ? REDACTED : redact(inner),
    ]),
  );
}

/** Where a logger writes: one JSON line per call. */
export interface LogDestination {
  write(line: string): void;
}

/** Standard error, and whoever is set as `also` later: the log is there before the broker is. */
export class ForkedLog implements LogDestination {
  also: LogDestination | undefined;
  private readonly main = pino.destination({ fd: 2, sync: true });

  write(line: string): void {
    this.main.write(line);
    this.also?.write(line);
  }
}

/** A logger that writes to `destination` (standard error when absent). Standard output belongs to commands. */
export function createLog(level: LogLevel, destination?: LogDestination): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method) {
          const redacted = args.map((arg) => (typeof arg === 'string' ? redactText(arg) : arg));
          method.apply(this, redacted as Parameters<typeof method>);
        },
      },
    },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}
