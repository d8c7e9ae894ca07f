// Does somebody answer at a camera's address? Cheaper than starting a camera process to find out.
import { connect } from 'node:net';

/** What to knock at. `speaksRtsp`: an open port is not enough, an answer has to come. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly speaksRtsp: boolean;
}

const RTSP_PORT = 554;
const RTSPS_PORT = 322;
const KNOCK_EVERY_MS = 1000;
const KNOCK_LIMIT_MS = 900;

/** Undefined for sources that are not reached over the network. */
export function doorOf(source: string): Door | undefined {
  if (!/^rtsps?:\/\//i.test(source) || !URL.canParse(source)) return undefined;
  const url = new URL(source);
  const isPlain = url.protocol === 'rtsp:';
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (isPlain ? RTSP_PORT : RTSPS_PORT) : Number(url.port),
    speaksRtsp: isPlain,
  };
}

/**
 * True when the door opens within `limitMs`; never rejects.
 *
 * A frozen server still accepts connections, its kernel does so for it: hence the OPTIONS request, which carries no
 * credentials and starts nothing.
 */
export function knock(door: Door, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: door.host, port: door.port });
    const finish = (answered: boolean): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve(answered);
    };
    const limit = setTimeout(() => finish(false), limitMs);
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.on('connect', () => {
      if (!door.speaksRtsp) finish(true);
      else socket.write(`OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: vedette\r\n\r\n`);
    });
    socket.on('data', (answer) => finish(answer.toString('latin1', 0, 5) === 'RTSP/'));
  });
}

/** Knocks at a camera that is away, and tells once when it answers after it had not. */
export class Lookout {
  private readonly knock: typeof knock;
  private readonly onReturn: () => void;
  private wasUnreachable = false;
  private knockedMs = 0;
  private isKnocking = false;

  constructor(knocking: typeof knock, onReturn: () => void) {
    this.knock = knocking;
    this.onReturn = onReturn;
  }

  /** Knocks at most once a second. */
  look(door: Door, nowMs: number): void {
    if (this.isKnocking || nowMs - this.knockedMs < KNOCK_EVERY_MS) return;
    this.knockedMs = nowMs;
    this.isKnocking = true;
    void this.knock(door, KNOCK_LIMIT_MS).then((answered) => {
      this.isKnocking = false;
      if (!answered) this.wasUnreachable = true;
      else if (this.wasUnreachable) {
        this.wasUnreachable = false;
        this.onReturn();
      }
    });
  }

  /** The camera was heard of by other ways. */
  found(): void {
    this.wasUnreachable = false;
  }
}
