// The states of a camera and what moves it from one to the next: a table, without time and without processes.
import type { CameraState } from '../contracts/camera.ts';
import type { SessionEnd } from '../contracts/ticket.ts';

/**
 * `enable`: it shall run, from now on or with other settings. `attempt`: a camera process was told to open the source.
 * `frame`: a decoded picture arrived. `silence`: none did for too long. `lost`: the session ended and another may do
 * better. `finished`: the source has nothing more to give.
 */
export type CameraInput =
  | 'enable'
  | 'disable'
  | 'attempt'
  | 'frame'
  | 'silence'
  | 'lost'
  | 'auth_failed'
  | 'unsupported'
  | 'finished';

/**
 * A refused camera keeps its state through the slow attempts that follow, so that it does not flicker on a
 * dashboard; a stalled one is `connecting` again as soon as the next attempt begins.
 */
const NEXT: Readonly<Record<CameraState, Readonly<Partial<Record<CameraInput, CameraState>>>>> = {
  connecting: {
    frame: 'live',
    auth_failed: 'auth_failed',
    unsupported: 'unsupported',
    finished: 'ended',
  },
  live: {
    silence: 'stalled',
    lost: 'connecting',
    auth_failed: 'auth_failed',
    unsupported: 'unsupported',
    finished: 'ended',
  },
  stalled: {
    attempt: 'connecting',
    frame: 'live',
    auth_failed: 'auth_failed',
    unsupported: 'unsupported',
    finished: 'ended',
  },
  auth_failed: {
    frame: 'live',
    lost: 'connecting',
    unsupported: 'unsupported',
    finished: 'ended',
  },
  unsupported: {
    frame: 'live',
    lost: 'connecting',
    auth_failed: 'auth_failed',
    finished: 'ended',
  },
  ended: {},
  disabled: {},
};

/** The state after `input`; inputs that mean nothing in a state leave it as it is. */
export function nextState(state: CameraState, input: CameraInput): CameraState {
  if (input === 'disable') return 'disabled';
  if (input === 'enable') return 'connecting';
  return NEXT[state][input] ?? state;
}

/** A live stream that ends was cut off; only a file that is played once has an end. */
export function inputForEnd(end: SessionEnd, canFinish: boolean): CameraInput {
  if (end === 'auth_failed' || end === 'unsupported') return end;
  return end === 'end_of_stream' && canFinish ? 'finished' : 'lost';
}

/** `slow`: trying often would lock the account, or change nothing until somebody acts. */
export function retryPace(state: CameraState): 'soon' | 'slow' | 'never' {
  if (state === 'ended' || state === 'disabled') return 'never';
  return state === 'auth_failed' || state === 'unsupported' ? 'slow' : 'soon';
}
