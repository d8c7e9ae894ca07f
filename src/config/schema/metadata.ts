// What the schema says about a key besides its type: how a change applies, and where its text may come from.

/**
 * `live`: the running agent takes the new value, no frame is lost. `camera`: the process of that camera
 * is started again. `agent`: used from the next start of the agent on.
 */
export type Apply = 'live' | 'camera' | 'agent';

export interface KeyMetadata {
  readonly apply?: Apply;
  /** Never shown; may be `{ file: /path }` or contain `${NAME}`. */
  readonly secret?: boolean;
  /** May contain `${NAME}`. Passwords inside URLs are never shown. */
  readonly environment?: boolean;
}
