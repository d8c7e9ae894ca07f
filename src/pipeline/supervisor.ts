// Keeps one camera running: starts its process, watches that frames come, ends what hangs and tries again.
import type { CameraState, CameraStatus } from '../contracts/camera.ts';
import type { Frame } from '../contracts/frame.ts';
import type { FromCamera, SessionEnd, Ticket } from '../contracts/ticket.ts';
import { Backoff } from '../core/backoff.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { TypedEvents } from '../core/typed-events.ts';
import { ulid } from '../core/ulid.ts';
import type { Printed, PrintJob } from './batch.ts';
import { CameraChild, type CameraMessage, REFUSED } from './camera-child.ts';
import type { CameraPlan } from './camera-plan.ts';
import { type CameraInput, inputForEnd, nextState, retryPace } from './camera-state.ts';
import { ChildLog } from './child-log.ts';
import { DecoderTrust } from './decoder-trust.ts';
import type { AccessUnit } from './encoded-pipe.ts';
import { FrameRate, noticeEveryMs } from './frame-rate.ts';
import { doorOf, knock, Lookout } from './reachability.ts';
import { silenceLimitMs } from './silence.ts';

export interface SupervisorOptions {
  readonly plan: CameraPlan;
  readonly arena: { readonly fd: number };
  readonly clock: Clock;
  readonly log: Log;
  /** Another program in place of `camera-process`; for tests. */
  readonly entry?: string;
  /** All that camera processes see of the environment; absent: everything. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly knock?: typeof knock;
}

type SupervisorEvents = {
  frame: readonly [frame: Frame];
  stream: readonly [stream: StreamFacts];
  /** Also every ten seconds without a change. */
  status: readonly [status: CameraStatus];
  encoded: readonly [unit: AccessUnit];
};

export type StreamFacts = Omit<Extract<FromCamera, { kind: 'stream' }>, 'kind'>;

export interface SupervisorCounts {
  readonly sessions: number;
  readonly frames: number;
  readonly skippedFrames: number;
  readonly stalls: number;
  readonly ticketsRefused: number;
}

const TICK_MS = 250;
const STATUS_EVERY_MS = 10_000;
/** An attempt is left alone for so long: some cameras take one connection at a time. */
const PATIENCE_MS = 3000;
/** A print takes milliseconds; a process that owes one for so long holds a batch back. */
const TICKET_LIMIT_MS = 2000;
/** An attempt that was under way when the camera came back has this long to notice. */
const NOTICE_RETURN_MS = 700;
/** Live for so long, the next failure is a new story. */
const HEALTHY_MS = 5000;
const HOUR_MS = 3_600_000;

export class CameraSupervisor extends TypedEvents<SupervisorEvents> {
  private readonly options: SupervisorOptions;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly childLog: ChildLog;
  private plan: CameraPlan;

  private state: CameraState = 'disabled';
  private sinceMs: number;
  private lastError: string | null = null;
  private decoding: DecoderTrust;
  private stream: StreamFacts | undefined;
  private publishedMs = 0;

  private child: CameraChild | undefined;
  private session = '';
  private openedMs = 0;
  /** When the process first said something of its own accord: it is loaded, and opens the source. */
  private loadedMs: number | undefined;
  private end: { readonly end: SessionEnd; readonly cause: string } | undefined;
  private rate = new FrameRate();
  private lastFrameMs: number | undefined;
  private liveSinceMs = 0;
  /** Of this session. */
  private skipped = 0;
  private units = 0;
  private isEncodedWanted = false;
  private noticeMs = 0;

  private readonly soon: Backoff = new Backoff({ firstMs: 1000, maxMs: 15_000 });
  private readonly slow: Backoff = new Backoff({ firstMs: 60_000, maxMs: 600_000 });
  private retry: Timer | undefined;
  private retryMs = 0;
  private ticker: Timer | undefined;
  private readonly lookout: Lookout;
  private reconnects: number[] = [];
  private readonly counters = {
    sessions: 0,
    frames: 0,
    skippedFrames: 0,
    stalls: 0,
    ticketsRefused: 0,
  };

  constructor(options: SupervisorOptions) {
    super();
    this.options = options;
    this.plan = options.plan;
    this.clock = options.clock;
    this.log = options.log.child({ camera: options.plan.camera });
    this.childLog = new ChildLog(this.clock, this.log);
    this.decoding = new DecoderTrust(options.plan);
    this.lookout = new Lookout(options.knock ?? knock, () => this.onReturn());
    this.sinceMs = this.clock.wallMs();
  }

  start(): void {
    this.ticker ??= this.clock.every(TICK_MS, () => this.tick());
    this.enter(this.plan.isEnabled ? 'enable' : 'disable');
    if (this.plan.isEnabled) this.open();
  }

  /** Resolves when no process is left: at once, or after the kill ladder's two and a half seconds. */
  async stop(): Promise<void> {
    this.ticker?.cancel();
    this.ticker = undefined;
    this.retry?.cancel();
    this.retry = undefined;
    await this.child?.close();
  }

  /** A plan that says the same as the last one leaves the running session alone. */
  async apply(plan: CameraPlan): Promise<void> {
    if (JSON.stringify(plan) === JSON.stringify(this.plan)) return;
    await this.stop();
    this.plan = plan;
    this.stream = undefined;
    this.lastError = null;
    this.decoding = new DecoderTrust(plan);
    this.soon.reset();
    this.slow.reset();
    this.start();
  }

  print(ticket: Ticket): Promise<Printed> {
    return this.child?.print(ticket) ?? Promise.resolve({ refused: 'frame_gone' });
  }

  order(ticket: Ticket): PrintJob {
    return this.child?.order(ticket) ?? REFUSED;
  }

  /** The frame will not be printed. Only files that wait for their reader want to know. */
  pass(sequence: number): void {
    if (!this.plan.realtime) this.child?.pass(sequence);
  }

  /** No more frames than the scheduler can want are told of, from now on and in sessions to come; unless called: all. */
  wantFps(fps: number): void {
    this.noticeMs = noticeEveryMs(fps);
    this.child?.noticeEvery(this.noticeMs);
  }

  /** Access units arrive as `encoded` events, beginning with a key frame, also from sessions to come. */
  wantEncoded(wanted: boolean): void {
    this.isEncodedWanted = wanted;
    this.child?.wantEncoded(wanted);
  }

  status(): CameraStatus {
    const now = this.clock.monotonicMs();
    this.reconnects = this.reconnects.filter((atMs) => now - atMs < HOUR_MS);
    const { stream } = this;
    return {
      camera: this.plan.camera,
      state: this.state,
      since: new Date(this.sinceMs).toISOString(),
      fps: Math.round(this.rate.fps(now) * 10) / 10,
      codec: stream?.codec ?? null,
      decoder: stream?.decoder ?? null,
      decoder_fallback: this.decoding.reason,
      skipped_frames: this.counters.skippedFrames,
      frame_size: stream === undefined ? null : [stream.widthPx, stream.heightPx],
      reconnects_1h: this.reconnects.length,
      last_error: this.lastError,
      next_attempt: this.retry === undefined ? null : this.isoAt(this.retryMs),
    };
  }

  private isoAt(monotonicMs: number): string {
    return new Date(this.clock.wallMs() + monotonicMs - this.clock.monotonicMs()).toISOString();
  }

  counts(): SupervisorCounts {
    return { ...this.counters };
  }

  /** Of the camera process, for people and tests; undefined between two sessions. */
  get pid(): number | undefined {
    return this.child?.pid;
  }

  private open(): void {
    const { isEnabled: _, decoders: _some, mayUseFfmpeg: _may, ...order } = this.plan;
    this.retry = undefined;
    this.session = ulid(this.clock.wallMs());
    this.openedMs = this.clock.monotonicMs();
    this.loadedMs = undefined;
    this.end = undefined;
    this.lastFrameMs = undefined;
    this.skipped = 0;
    this.units = 0;
    this.rate = new FrameRate();
    if (this.counters.sessions > 0) this.reconnects.push(this.openedMs);
    this.counters.sessions += 1;
    const { arena, clock, entry, environment } = this.options;
    const child = new CameraChild(
      {
        order: { ...order, session: this.session, ...this.decoding.order },
        arenaFd: arena.fd,
        clock,
        ...(entry !== undefined && { entry }),
        ...(environment !== undefined && { environment }),
      },
      {
        message: (message) => this.receive(child, message),
        unit: (unit) => this.onUnit(unit),
        line: (text) => this.childLog.line(text),
        refused: () => {
          this.counters.ticketsRefused += 1;
        },
        gone: (cause) => this.onGone(cause),
      },
    );
    this.child = child;
    if (this.noticeMs > 0) child.noticeEvery(this.noticeMs);
    if (this.isEncodedWanted) child.wantEncoded(true);
    this.enter('attempt');
  }

  private receive(child: CameraChild, message: CameraMessage): void {
    if (message.kind !== 'ready') this.loadedMs ??= this.clock.monotonicMs();
    if (message.kind === 'log') this.childLog.add(message.level, message.message, message.fields);
    else if (child.isClosing || message.kind === 'ready') return;
    else if (message.kind === 'frame') this.onFrame(message);
    else if (message.kind === 'ended') {
      this.end = message;
      void child.close();
    } else this.onStream(message);
  }

  private onStream({ kind: _, ...stream }: Extract<CameraMessage, { kind: 'stream' }>): void {
    this.stream = stream;
    this.log.info({ stage: 'decode', ...stream }, 'stream');
    this.emit('stream', stream);
    this.publish();
  }

  private onFrame(message: Extract<CameraMessage, { kind: 'frame' }>): void {
    const { kind: _, skipped, ...notice } = message;
    const now = this.clock.monotonicMs();
    const decoded = this.onPicture(notice.sequence - skipped, now);
    this.counters.skippedFrames += skipped - this.skipped;
    this.skipped = skipped;
    const origin = { camera: this.plan.camera, session: this.session, arrivedMs: now };
    this.emit('frame', { ...notice, ...origin, ...(decoded > 1 && { untold: decoded - 1 }) });
  }

  /** Of a stream that is not decoded, the pictures as they were sent are what shows that it lives. */
  private onUnit(unit: AccessUnit): void {
    if (this.plan.decode === 'none') this.onPicture(++this.units, this.clock.monotonicMs());
    this.emit('encoded', unit);
  }

  /** Returns how many came since the last one told of. */
  private onPicture(sequence: number, now: number): number {
    this.lastFrameMs = now;
    const came = this.rate.add(sequence, now);
    this.counters.frames += came;
    if (this.state !== 'live') {
      this.liveSinceMs = now;
      this.lookout.found();
      this.slow.reset();
      this.enter('frame');
    }
    return came;
  }

  private onGone(cause: string): void {
    this.child = undefined;
    this.rate = new FrameRate();
    if (this.ticker === undefined) return;
    const wasHealthy =
      this.lastFrameMs !== undefined && this.lastFrameMs - this.liveSinceMs >= HEALTHY_MS;
    if (wasHealthy) this.soon.reset();
    const { end, cause: why } = this.end ?? { end: 'failed', cause: `the camera process ${cause}` };
    const canFinish = doorOf(this.plan.source) === undefined && !this.plan.loop;
    const instead = this.decoding.loses(this.end?.end, this.stream?.codec, why);
    if (instead !== undefined) {
      this.log.warn({ stage: 'decode', cause: why }, `decoding failed; ${instead} decodes instead`);
      this.enter('lost');
      this.open();
      return;
    }
    const isFinished = canFinish && end === 'end_of_stream';
    const level = isFinished ? 'info' : why === this.lastError ? 'debug' : 'warn';
    this.lastError = isFinished ? null : why;
    this.log[level]({ stage: 'source', end, cause: why }, 'session over');
    this.enter(inputForEnd(end, canFinish));
    const pace = retryPace(this.state);
    if (pace === 'never') return;
    const delayMs = (pace === 'slow' ? this.slow : this.soon).nextMs();
    this.retryMs = this.clock.monotonicMs() + delayMs;
    this.retry = this.clock.after(delayMs, () => this.open());
  }

  private tick(): void {
    const now = this.clock.monotonicMs();
    if (this.child !== undefined && !this.child.isClosing) this.watch(this.child, now);
    this.lookOut(now);
    if (now - this.publishedMs >= STATUS_EVERY_MS) this.publish();
  }

  private watch(child: CameraChild, now: number): void {
    const silentMs = now - (this.lastFrameMs ?? this.loadedMs ?? this.openedMs);
    const limitMs = silenceLimitMs({
      waitsForReader: !this.plan.realtime && doorOf(this.plan.source) === undefined,
      isLoaded: this.loadedMs !== undefined,
      hasFrames: this.lastFrameMs !== undefined,
      stallAfterMs: this.rate.stallAfterMs,
      noticeMs: this.noticeMs,
    });
    if (silentMs >= limitMs) {
      this.counters.stalls += 1;
      this.abandon(child, `no frame for ${(silentMs / 1000).toFixed(1)} s`);
      this.enter('silence');
    } else if (child.oldestTicketMs() >= TICKET_LIMIT_MS) {
      this.abandon(child, 'a print was not answered');
      child.kill();
    }
  }

  private abandon(child: CameraChild, cause: string): void {
    this.end = { end: 'failed', cause };
    this.log.warn({ stage: 'source', cause }, 'session given up');
    this.lastError = cause;
    this.rate = new FrameRate();
    void child.close();
  }

  /** While a camera is away: notices that it is back before the next attempt is due. */
  private lookOut(now: number): void {
    const door = doorOf(this.plan.source);
    const isAway = this.state === 'connecting' || this.state === 'stalled';
    const isFresh = this.child !== undefined && now - (this.loadedMs ?? now) < PATIENCE_MS;
    if (door !== undefined && isAway && !isFresh) this.lookout.look(door, now);
  }

  private onReturn(): void {
    this.soon.reset();
    this.log.info({ stage: 'source' }, 'the camera answers again');
    const { child } = this;
    this.openNow();
    this.clock.after(NOTICE_RETURN_MS, () => {
      if (child === undefined || child !== this.child || this.lastFrameMs !== undefined) return;
      this.abandon(child, 'the attempt under way missed the return of the camera');
      child.kill();
      void child.close().then(() => this.openNow());
    });
  }

  /** Does not wait for the next attempt, if one is due at all. */
  private openNow(): void {
    if (this.retry === undefined) return;
    this.retry.cancel();
    this.open();
  }

  private enter(input: CameraInput): void {
    const was = this.state;
    this.state = nextState(was, input);
    if (this.state === was) return;
    this.sinceMs = this.clock.wallMs();
    this.log.info(
      { stage: 'source', was, state: this.state, cause: this.lastError },
      'camera state',
    );
    this.publish();
  }

  private publish(): void {
    this.publishedMs = this.clock.monotonicMs();
    this.emit('status', this.status());
  }
}
