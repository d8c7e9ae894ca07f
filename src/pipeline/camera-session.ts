// One session of a camera: its process from the start to the end, how far it has come, and whether it hangs.
import type { Frame } from '../contracts/frame.ts';
import type { FrameNotice, FromCamera, SessionEnd } from '../contracts/ticket.ts';
import type { Clock } from '../core/clock.ts';
import { ulid } from '../core/ulid.ts';
import { CameraChild, type CameraMessage, type ChildOptions } from './camera-child.ts';
import type { ChildLog } from './child-log.ts';
import type { AccessUnit } from './encoded-pipe.ts';
import { FrameRate } from './frame-rate.ts';
import { silenceLimitMs } from './silence.ts';

export type StreamFacts = Omit<Extract<FromCamera, { kind: 'stream' }>, 'kind'>;

export interface SessionListener {
  stream(stream: StreamFacts): void;
  /** Pictures came since the last call, told of or not; of a stream that is not decoded, as they were sent. */
  pictures(count: number, isFirst: boolean): void;
  /** `skipped`: frames that the camera process could not give in time, since the last one told of. */
  frame(frame: Frame, skipped: number): void;
  unit(unit: AccessUnit): void;
  /** A ticket was not printed. */
  refused(): void;
  /** Once, when no process is left. `cause`: what became of the process. */
  gone(cause: string): void;
}

export interface SessionOptions extends Omit<ChildOptions, 'order'> {
  readonly order: Omit<ChildOptions['order'], 'session'>;
  /** Hears what the process writes. */
  readonly childLog: ChildLog;
}

/** A print takes milliseconds; a process that owes one for so long holds a batch back. */
const TICKET_LIMIT_MS = 2000;
/** Live for so long, the next failure is a new story. */
const HEALTHY_MS = 5000;

export class CameraSession {
  readonly child: CameraChild;
  /** What the process said of its end, or what the agent found; absent: it said nothing. */
  end: { readonly end: SessionEnd; readonly cause: string } | undefined;
  /** Resolves when the process opens the source, or is gone. */
  readonly loaded: Promise<void>;
  private readonly options: SessionOptions;
  private readonly listener: SessionListener;
  private readonly clock: Clock;
  private readonly id: string;
  private readonly openedMs: number;
  /** When the process first said something of its own accord: it is loaded, and opens the source. */
  private loadedMs: number | undefined;
  private tellLoaded: () => void = () => {};
  private rate = new FrameRate();
  private firstFrameMs: number | undefined;
  private lastFrameMs: number | undefined;
  private skipped = 0;
  private units = 0;

  constructor(options: SessionOptions, listener: SessionListener) {
    this.options = options;
    this.listener = listener;
    this.clock = options.clock;
    this.id = ulid(this.clock.wallMs());
    this.openedMs = this.clock.monotonicMs();
    this.loaded = new Promise((resolve) => {
      this.tellLoaded = resolve;
    });
    const { childLog, ...rest } = options;
    this.child = new CameraChild(
      { ...rest, order: { ...options.order, session: this.id } },
      {
        message: (message) => this.receive(message),
        unit: (unit) => this.onUnit(unit),
        line: (text) => childLog.line(text),
        refused: () => listener.refused(),
        gone: (cause) => {
          this.tellLoaded();
          listener.gone(cause);
        },
      },
    );
  }

  fps(nowMs: number): number {
    return this.rate.fps(nowMs);
  }

  get hasFrames(): boolean {
    return this.lastFrameMs !== undefined;
  }

  get wasHealthy(): boolean {
    const { firstFrameMs, lastFrameMs } = this;
    return (
      firstFrameMs !== undefined &&
      lastFrameMs !== undefined &&
      lastFrameMs - firstFrameMs >= HEALTHY_MS
    );
  }

  /** Since the process was loaded; 0 before. */
  triedForMs(nowMs: number): number {
    return nowMs - (this.loadedMs ?? nowMs);
  }

  /** For how long nothing was heard of the camera, when that is too long; undefined while it is not. */
  tooLongSilentMs(nowMs: number, waitsForReader: boolean, noticeMs: number): number | undefined {
    const silentMs = nowMs - (this.lastFrameMs ?? this.loadedMs ?? this.openedMs);
    const limitMs = silenceLimitMs({
      waitsForReader,
      isLoaded: this.loadedMs !== undefined,
      hasFrames: this.hasFrames,
      stallAfterMs: this.rate.stallAfterMs,
      noticeMs,
    });
    return silentMs >= limitMs ? silentMs : undefined;
  }

  get owesPrint(): boolean {
    return this.child.oldestTicketMs() >= TICKET_LIMIT_MS;
  }

  abandon(cause: string): void {
    this.end = { end: 'failed', cause };
    this.rate = new FrameRate();
    void this.child.close();
  }

  private receive(message: CameraMessage): void {
    if (message.kind !== 'ready') {
      this.loadedMs ??= this.clock.monotonicMs();
      this.tellLoaded();
    }
    if (message.kind === 'log') {
      this.options.childLog.add(message.level, message.message, message.fields);
    } else if (this.child.isClosing || message.kind === 'ready') return;
    else if (message.kind === 'frame') this.onFrame(message.notice);
    else if (message.kind === 'ended') {
      this.end = message;
      void this.child.close();
    } else {
      const { kind: _, ...stream } = message;
      this.listener.stream(stream);
    }
  }

  private onFrame(notice: FrameNotice): void {
    const arrivedMs = this.clock.monotonicMs();
    const { skipped } = notice;
    const decoded = this.onPicture(notice.sequence - skipped, arrivedMs);
    const isNew = skipped - this.skipped;
    this.skipped = skipped;
    const origin = { camera: this.options.order.camera, session: this.id, arrivedMs };
    this.listener.frame(frameOf(notice, origin, decoded - 1), isNew);
  }

  /** Of a stream that is not decoded, the pictures as they were sent are what shows that it lives. */
  private onUnit(unit: AccessUnit): void {
    if (this.options.order.decode === 'none') {
      this.onPicture(++this.units, this.clock.monotonicMs());
    }
    this.listener.unit(unit);
  }

  /** Returns how many came since the last one told of. */
  private onPicture(sequence: number, nowMs: number): number {
    const isFirst = this.firstFrameMs === undefined;
    this.firstFrameMs ??= nowMs;
    this.lastFrameMs = nowMs;
    const came = this.rate.add(sequence, nowMs);
    this.listener.pictures(came, isFirst);
    return came;
  }
}

/** Field by field: copying objects whole takes ten times as long, and this is done for each frame. */
function frameOf(
  notice: FrameNotice,
  { camera, session, arrivedMs }: Pick<Frame, 'camera' | 'session' | 'arrivedMs'>,
  untold: number,
): Frame {
  const { sequence, ptsNs, captureMs, captureClock, widthPx, heightPx, motion } = notice;
  const { motionBoxes, backgroundChanges, cameraShift } = notice;
  const frame: Writable<Frame> = {
    camera,
    session,
    sequence,
    ptsNs,
    captureMs,
    captureClock,
    arrivedMs,
    widthPx,
    heightPx,
    motion,
  };
  if (motionBoxes !== undefined) frame.motionBoxes = motionBoxes;
  if (backgroundChanges !== undefined) frame.backgroundChanges = backgroundChanges;
  if (cameraShift !== undefined) frame.cameraShift = cameraShift;
  if (untold > 0) frame.untold = untold;
  return frame;
}

type Writable<Of> = { -readonly [Key in keyof Of]: Of[Key] };
