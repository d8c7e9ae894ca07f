// What is found of a condition in one frame.

/** One leaf with the value that was found, for people to read. */
export interface Reason {
  readonly condition: string;
  readonly value: unknown;
  readonly holds: boolean;
}

export interface Verdict {
  readonly holds: boolean;
  readonly why: readonly Reason[];
  /** Ids of the objects it is about; undefined when it is about none (a time of day). */
  readonly objects: readonly string[] | undefined;
  /** It holds in this frame only (an event, the end of a sequence). */
  readonly isMoment: boolean;
}
