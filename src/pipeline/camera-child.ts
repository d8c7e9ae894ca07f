// One camera process as the agent holds it: forked, spoken to, and ended whatever state it is in.
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type CameraOrder,
  ENCODED_FD,
  type FrameNotice,
  type FromCamera,
  type PrintFailure,
  printedBytes,
  type Ticket,
  type ToCamera,
} from '../contracts/ticket.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { causeText } from '../core/errors.ts';
import { type AskedPrint, CameraLink } from '../native/camera-link.ts';
import type { Printed, PrintJob } from './batch.ts';
import { readAnswer, readMessage, readNotice } from './camera-messages.ts';
import { type AccessUnit, RecordParser } from './encoded-pipe.ts';
import { NeededFrames } from './needed-frames.ts';

const CLOSE_LIMIT_MS = 500;
const TERM_LIMIT_MS = 2000;
/** The last messages of a process that is gone are read within this time. */
const LAST_WORDS_MS = 250;
/** 5 MB of Node's own text stay untouched, and 1 MB is not written. */
const UNCOMPILED = ['--no-opt', '--no-sparkplug'];

export type CameraMessage = FromCamera | { readonly kind: 'frame'; readonly notice: FrameNotice };

const GONE: Printed = { refused: 'frame_gone' };
/** Of a camera that is not there. */
export const REFUSED: PrintJob = { asked: undefined, result: () => GONE };

export interface ChildListener {
  message(message: CameraMessage): void;
  unit(unit: AccessUnit): void;
  /** A ticket was not printed. */
  refused?(): void;
  /** A line it wrote to standard output or standard error. */
  line(text: string): void;
  /** Once, when no process is left; nothing is called afterwards. */
  gone(cause: string): void;
}

export interface ChildOptions {
  readonly order: CameraOrder;
  readonly arenaFd: number;
  readonly clock: Clock;
  /** Absent: `camera-process` beside this file. */
  readonly entry?: string;
  /** All that the process sees of the environment; absent: everything. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** A print that somebody here waits for. */
interface HeardPrint {
  readonly asked: AskedPrint;
  readonly bytes: number;
  readonly resolve: (result: Printed) => void;
}

/**
 * Forks at once and opens the camera. A process that cannot be forked is `gone` like one that died.
 *
 * A ticket that was sent is answered by the process or refused when it is gone, never before: until then it may
 * still write to the arena.
 */
export class CameraChild {
  private readonly clock: Clock;
  private readonly listener: ChildListener;
  private readonly process: ChildProcess | undefined;
  /** Absent: nothing is decoded, and nothing printed. */
  private readonly link: CameraLink | undefined;
  /** Absent: a file that waits for its reader keeps as many as it can. */
  private readonly needed: NeededFrames | undefined;
  private readonly heard = new Set<HeardPrint>();
  /** When the tickets that are not answered were sent; the oldest may be answered already. */
  private readonly sentMs: number[] = [];
  private isStreamKnown = false;
  private ladder: Timer | undefined;
  private isGone = false;
  private end: Promise<void>;
  private ended: () => void = () => {};

  constructor(options: ChildOptions, listener: ChildListener) {
    this.clock = options.clock;
    this.listener = listener;
    this.needed = options.order.realtime ? new NeededFrames() : undefined;
    this.end = new Promise((resolve) => {
      this.ended = resolve;
    });
    try {
      if (options.order.decode !== 'none') this.link = new CameraLink(() => this.hear());
      this.process = start(options, this.link?.fd);
      this.listen(this.process);
      this.send({ kind: 'open', order: options.order });
    } catch (error) {
      setImmediate(() => this.leave(`cannot start: ${causeText(error)}`));
    }
    this.link?.closeFd();
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  get isClosing(): boolean {
    return this.ladder !== undefined || this.isGone;
  }

  /** Has the camera process print, for a session that waits for it. */
  order(ticket: Ticket): PrintJob {
    const { link } = this;
    const asked = this.ask(ticket, false);
    if (link === undefined || typeof asked === 'string') return REFUSED;
    const { sequence, format } = ticket;
    this.needed?.asked(sequence);
    let result: Printed | undefined;
    const take = (): Printed => {
      const printed = this.take(link, asked, printedBytes(format));
      this.needed?.came(sequence, sequenceOf(printed, sequence));
      return printed;
    };
    return { asked, result: () => (result ??= take()) };
  }

  print(ticket: Ticket): Promise<Printed> {
    const asked = this.ask(ticket, true);
    if (typeof asked === 'string') return Promise.resolve({ refused: asked });
    const bytes = printedBytes(ticket.format);
    return new Promise((resolve) => this.heard.add({ asked, bytes, resolve }));
  }

  pass(sequence: number): void {
    this.sentMs.push(this.clock.monotonicMs());
    this.link?.pass(sequence);
  }

  /** How long the oldest ticket has waited for its answer; 0 when none waits. */
  oldestTicketMs(): number {
    this.sentMs.splice(0, this.sentMs.length - Math.max(0, this.link?.waiting ?? 0));
    const oldest = this.sentMs[0];
    return oldest === undefined ? 0 : this.clock.monotonicMs() - oldest;
  }

  noticeEvery(everyMs: number, atMs?: number): void {
    this.send({ kind: 'notices', everyMs, ...(atMs !== undefined && { atMs }) });
  }

  wantEncoded(wanted: boolean): void {
    this.send({ kind: 'encoded', wanted });
  }

  /** Asks, then TERM, then KILL. Resolves when the process is gone; a second call only waits. */
  close(): Promise<void> {
    if (this.isClosing) return this.end;
    this.send({ kind: 'close' });
    this.ladder = this.clock.after(CLOSE_LIMIT_MS, () => {
      this.process?.kill('SIGTERM');
      this.ladder = this.clock.after(TERM_LIMIT_MS, () => this.process?.kill('SIGKILL'));
    });
    return this.end;
  }

  /** For a process that cannot be trusted to do anything any more. */
  kill(): void {
    this.process?.kill('SIGKILL');
  }

  private send(message: ToCamera): void {
    if (this.process?.connected) this.process.send(message, () => {});
  }

  private listen(child: ChildProcess): void {
    child.on('message', (value) => this.receive(value));
    child.on('error', (error) => {
      if (child.pid === undefined) this.leave(`cannot start: ${error.message}`);
    });
    child.on('exit', (code, signal) => {
      const cause = signal === null ? `ended with status ${code}` : `killed by ${signal}`;
      this.clock.after(LAST_WORDS_MS, () => this.leave(cause));
      child.once('disconnect', () => this.leave(cause));
      if (!child.connected) this.leave(cause);
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) readLines(stream, (text) => this.listener.line(text));
    }
    this.readUnits(encodedPipe(child) as Readable);
  }

  private readUnits(pipe: Readable): void {
    const parser = new RecordParser();
    pipe.on('error', () => {});
    pipe.on('data', (chunk: Buffer) => {
      try {
        for (const unit of parser.push(chunk)) this.listener.unit(unit);
      } catch (error) {
        this.distrust(causeText(error));
      }
    });
  }

  private ask(ticket: Ticket, isHeard: boolean): AskedPrint | PrintFailure {
    if (this.isClosing) return 'frame_gone';
    const asked = this.link?.ask(ticket, isHeard, this.needed?.from) ?? 'frame_gone';
    if (typeof asked === 'string') this.listener.refused?.();
    else this.sentMs.push(this.clock.monotonicMs());
    return asked;
  }

  private take(link: CameraLink, asked: AskedPrint, bytes: number): Printed {
    const printed = readAnswer(link.take(asked), bytes);
    if (printed === undefined) this.distrust('an answer that no camera process gives');
    const result = printed ?? GONE;
    if ('refused' in result) this.listener.refused?.();
    return result;
  }

  private receive(value: unknown): void {
    if (this.isGone) return;
    const message = readMessage(value);
    if (message === undefined) this.distrust('a message that no camera process sends');
    else {
      if (message.kind === 'ended') this.hear();
      this.listener.message(message);
      if (message.kind !== 'stream') return;
      this.isStreamKnown = true;
      this.hear();
    }
  }

  /** Frames wait in the link until it is known of which stream they are. */
  private hear(): void {
    const { link } = this;
    if (this.isGone || link === undefined) return;
    for (const print of this.heard) {
      if (!link.isAnswered(print.asked)) continue;
      this.heard.delete(print);
      print.resolve(this.take(link, print.asked, print.bytes));
    }
    while (this.isStreamKnown && !this.isGone) {
      const numbers = link.takeNotice();
      if (numbers === undefined) break;
      const notice = readNotice(numbers);
      if (notice === undefined) this.distrust('a notice that no camera process writes');
      else this.listener.message({ kind: 'frame', notice });
    }
    if (link.waiting < 0)
      this.distrust('more answers than tickets, or more notices than there is room for');
  }

  private distrust(cause: string): void {
    this.listener.message({ kind: 'ended', end: 'failed', cause: `not to be trusted: ${cause}` });
    this.kill();
  }

  private leave(cause: string): void {
    if (this.isGone) return;
    this.hear();
    this.isGone = true;
    this.ladder?.cancel();
    this.link?.close();
    for (const { resolve } of this.heard) resolve(GONE);
    this.heard.clear();
    if (this.process !== undefined) encodedPipe(this.process)?.destroy();
    this.listener.gone(cause);
    this.ended();
  }
}

function sequenceOf(printed: Printed, asked: number): number | undefined {
  return 'refused' in printed ? undefined : (printed.newer?.sequence ?? asked);
}

function start(options: ChildOptions, linkFd: number | undefined): ChildProcess {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const beside = new URL(`./camera-process.${extension}`, import.meta.url);
  const entry = options.entry ?? fileURLToPath(beside);
  return fork(entry, [], {
    // It collects the access units that it wrote itself, and runs too little JavaScript to have it compiled.
    execArgv: [
      '--expose-gc',
      ...UNCOMPILED,
      ...(entry.endsWith('.ts') ? ['--import', tsxLoader()] : []),
    ],
    // 3 is the IPC channel; then come ARENA_FD, ENCODED_FD and LINK_FD.
    stdio: [
      ...(['ignore', 'pipe', 'pipe', 'ipc'] as const),
      ...[linkFd === undefined ? ('ignore' as const) : options.arenaFd, 'pipe' as const],
      linkFd ?? 'ignore',
    ],
    ...(options.environment === undefined ? {} : { env: { ...options.environment } }),
  });
}

/** Run from sources, the child needs the same loader as this process, wherever that was started. */
function tsxLoader(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}

/** Node's types end at the fifth descriptor. */
function encodedPipe(child: ChildProcess): Readable | Writable | null | undefined {
  const all: readonly (Readable | Writable | null | undefined)[] = child.stdio;
  return all[ENCODED_FD];
}

function readLines(stream: Readable, onLine: (text: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-1000);
    for (const line of lines) if (line.trim() !== '') onLine(line.slice(0, 1000));
  });
  stream.on('error', () => {});
}
