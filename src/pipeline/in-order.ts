// Results of one camera leave in the order in which its frames were taken, whichever session was faster.

/** A place in the line. Settle it exactly once, with undefined when there is no result. */
export interface Place<Result> {
  settle(result: Result | undefined): void;
}

interface Waiting<Result> {
  isSettled: boolean;
  result: Result | undefined;
}

/**
 * Hands results on in the order of `enter`, per key.
 *
 * A tracker must never see time run backwards; two sessions may finish a camera's consecutive
 * frames in either order. A result waits for those before it, never for those of another camera.
 */
export class InOrder<Result> {
  private readonly lines = new Map<string, Waiting<Result>[]>();
  private readonly deliver: (result: Result) => void;

  constructor(deliver: (result: Result) => void) {
    this.deliver = deliver;
  }

  enter(key: string): Place<Result> {
    const line = this.lines.get(key) ?? [];
    this.lines.set(key, line);
    const waiting: Waiting<Result> = { isSettled: false, result: undefined };
    line.push(waiting);
    return {
      settle: (result) => {
        waiting.isSettled = true;
        waiting.result = result;
        this.flush(key, line);
      },
    };
  }

  private flush(key: string, line: Waiting<Result>[]): void {
    while (line[0]?.isSettled === true) {
      const { result } = line.shift()!;
      if (result !== undefined) this.deliver(result);
    }
    if (line.length === 0) this.lines.delete(key);
  }
}
