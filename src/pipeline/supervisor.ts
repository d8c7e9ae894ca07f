// Keeps one camera running: starts its process, watches that frames come, ends what hangs and tries again.
import type { CameraState, CameraStatus } from '../contracts/camera.ts';
import type { Frame } from '../contracts/frame.ts';
import type { Ticket } from '../contracts/ticket.ts';
import { Backoff } from '../core/backoff.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { TypedEvents } from '../core/typed-events.ts';
import type { Printed, PrintJob } from './batch.ts';
import { REFUSED } from './camera-child.ts';
import type { CameraPlan } from './camera-plan.ts';
import { CameraSession, type StreamFacts } from './camera-session.ts';
import { type CameraInput, inputForEnd, nextState, retryPace } from './camera-state.ts';
import { ChildLog } from './child-log.ts';
import { DecoderTrust } from './decoder-trust.ts';
import type { AccessUnit } from './encoded-pipe.ts';
import { noticeEveryMs } from './frame-rate.ts';
import { doorOf, knock, Lookout } from './reachability.ts';

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
/** An attempt that was under way when the camera came back has this long to notice. */
const NOTICE_RETURN_MS = 700;
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

  private session: CameraSession | undefined;
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
    await this.session?.child.close();
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
    return this.session?.child.print(ticket) ?? Promise.resolve({ refused: 'frame_gone' });
  }

  order(ticket: Ticket): PrintJob {
    return this.session?.child.order(ticket) ?? REFUSED;
  }

  /** The frame will not be printed. Only files that wait for their reader want to know. */
  pass(sequence: number): void {
    if (!this.plan.realtime) this.session?.child.pass(sequence);
  }

  /** No more frames than the scheduler can want are told of, from now on and in sessions to come; unless called: all. */
  wantFps(fps: number): void {
    this.noticeMs = noticeEveryMs(fps);
    this.session?.child.noticeEvery(this.noticeMs);
  }

  /** Of the session that runs, the frames at whole intervals from this presentation time on are told of. */
  wantFramesAt(ptsMs: number): void {
    if (this.noticeMs > 0) this.session?.child.noticeEvery(this.noticeMs, ptsMs);
  }

  /** Access units arrive as `encoded` events, beginning with a key frame, also from sessions to come. */
  wantEncoded(wanted: boolean): void {
    this.isEncodedWanted = wanted;
    this.session?.child.wantEncoded(wanted);
  }

  status(): CameraStatus {
    const now = this.clock.monotonicMs();
    this.reconnects = this.reconnects.filter((atMs) => now - atMs < HOUR_MS);
    const { stream } = this;
    return {
      camera: this.plan.camera,
      state: this.state,
      since: new Date(this.sinceMs).toISOString(),
      fps: Math.round((this.session?.fps(now) ?? 0) * 10) / 10,
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

  /** Resolves when the session that runs now opens the source; undefined between two sessions. */
  get loaded(): Promise<void> | undefined {
    return this.session?.loaded;
  }

  /** Of the camera process, for people and tests; undefined between two sessions. */
  get pid(): number | undefined {
    return this.session?.child.pid;
  }

  private open(): void {
    const { isEnabled: _, decoders: _some, mayUseFfmpeg: _may, ...order } = this.plan;
    this.retry = undefined;
    if (this.counters.sessions > 0) this.reconnects.push(this.clock.monotonicMs());
    this.counters.sessions += 1;
    const { arena, clock, entry, environment } = this.options;
    const session = new CameraSession(
      {
        order: { ...order, ...this.decoding.order },
        arenaFd: arena.fd,
        ...{ clock, childLog: this.childLog },
        ...(entry !== undefined && { entry }),
        ...(environment !== undefined && { environment }),
      },
      {
        stream: (stream) => this.onStream(stream),
        pictures: (count, isFirst) => this.onPictures(count, isFirst),
        frame: (frame, skipped) => {
          this.counters.skippedFrames += skipped;
          this.emit('frame', frame);
        },
        unit: (unit) => this.emit('encoded', unit),
        refused: () => {
          this.counters.ticketsRefused += 1;
        },
        gone: (cause) => this.onGone(session, cause),
      },
    );
    this.session = session;
    if (this.noticeMs > 0) session.child.noticeEvery(this.noticeMs);
    if (this.isEncodedWanted) session.child.wantEncoded(true);
    this.enter('attempt');
  }

  private onStream(stream: StreamFacts): void {
    this.stream = stream;
    this.log.info({ stage: 'decode', ...stream }, 'stream');
    this.emit('stream', stream);
    this.publish();
  }

  private onPictures(count: number, isFirst: boolean): void {
    this.counters.frames += count;
    if (!isFirst) return;
    this.lookout.found();
    this.slow.reset();
    this.enter('frame');
  }

  private onGone({ wasHealthy, end: said }: CameraSession, cause: string): void {
    this.session = undefined;
    if (this.ticker === undefined) return;
    if (wasHealthy) this.soon.reset();
    const { end, cause: why } = said ?? { end: 'failed', cause: `the camera process ${cause}` };
    const canFinish = doorOf(this.plan.source) === undefined && !this.plan.loop;
    const instead = this.decoding.loses(said?.end, this.stream?.codec, why);
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
    if (this.session?.child.isClosing === false) this.watch(this.session, now);
    this.lookOut(now);
    if (now - this.publishedMs >= STATUS_EVERY_MS) this.publish();
  }

  private watch(session: CameraSession, now: number): void {
    const waitsForReader = !this.plan.realtime && doorOf(this.plan.source) === undefined;
    const silentMs = session.tooLongSilentMs(now, waitsForReader, this.noticeMs);
    if (silentMs !== undefined) {
      this.counters.stalls += 1;
      this.abandon(session, `no frame for ${(silentMs / 1000).toFixed(1)} s`);
      this.enter('silence');
    } else if (session.owesPrint) {
      this.abandon(session, 'a print was not answered');
      session.child.kill();
    }
  }

  private abandon(session: CameraSession, cause: string): void {
    this.log.warn({ stage: 'source', cause }, 'session given up');
    this.lastError = cause;
    session.abandon(cause);
  }

  /** While a camera is away: notices that it is back before the next attempt is due. */
  private lookOut(now: number): void {
    const door = doorOf(this.plan.source);
    const isAway = this.state === 'connecting' || this.state === 'stalled';
    const isFresh = this.session !== undefined && this.session.triedForMs(now) < PATIENCE_MS;
    if (door !== undefined && isAway && !isFresh) this.lookout.look(door, now);
  }

  private onReturn(): void {
    this.soon.reset();
    this.log.info({ stage: 'source' }, 'the camera answers again');
    const { session } = this;
    this.openNow();
    this.clock.after(NOTICE_RETURN_MS, () => {
      if (session === undefined || session !== this.session || session.hasFrames) return;
      this.abandon(session, 'the attempt under way missed the return of the camera');
      session.child.kill();
      void session.child.close().then(() => this.openNow());
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
