// Logging: pino, one JSON line per state change, without secrets.
import { type Logger, pino } from 'pino';
import { redact, redactText } from './redact.ts';

export type Log = Logger;
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

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
