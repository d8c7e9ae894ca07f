// Waits for the end of a command that runs until somebody has had enough.

const SAME_SIGNAL_MS = 500;

export interface StopOptions {
  readonly seconds?: number | undefined;
  /** Asked a few times a second; true ends the wait. */
  readonly endWhen?: () => boolean;
}

/**
 * Resolves at SIGINT, SIGTERM, SIGHUP, after `seconds`, or when `endWhen` says so. A second signal
 * while the caller cleans up ends the process at once; one that comes with the first is the same one,
 * told by the terminal and passed on by npm or tsx.
 */
export function untilStopped(options: StopOptions): Promise<void> {
  return new Promise((resolve) => {
    const timers: NodeJS.Timeout[] = [];
    let stoppedMs: number | undefined;
    const stop = () => {
      stoppedMs ??= performance.now();
      for (const timer of timers) clearTimeout(timer);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        const isSecond = stoppedMs !== undefined && performance.now() - stoppedMs > SAME_SIGNAL_MS;
        if (isSecond) process.exit(130);
        stop();
      });
    }
    if (options.seconds !== undefined) timers.push(setTimeout(stop, options.seconds * 1000));
    const { endWhen } = options;
    if (endWhen !== undefined) {
      timers.push(
        setInterval(() => {
          if (endWhen()) stop();
        }, 200),
      );
    }
  });
}
