// One camera process as the agent holds it: forked, spoken to, and ended whatever state it is in.
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import {
  type CameraOrder,
  ENCODED_FD,
  type FromCamera,
  type Ticket,
  type ToCamera,
} from '../contracts/ticket.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { causeText } from '../core/errors.ts';
import type { Printed } from './batch.ts';
import { readMessage } from './camera-messages.ts';
import { type AccessUnit, RecordParser } from './encoded-pipe.ts';

const CLOSE_LIMIT_MS = 500;
const TERM_LIMIT_MS = 2000;
/** The last messages of a process that is gone are read within this time. */
const LAST_WORDS_MS = 250;

export type CameraMessage = Exclude<FromCamera, { kind: 'printed' | 'refused' }>;

export interface ChildListener {
  message(message: CameraMessage): void;
  unit(unit: AccessUnit): void;
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

interface PendingTicket {
  readonly sentMs: number;
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
  private readonly pending = new Map<number, PendingTicket>();
  private nextTicket = 1;
  private ladder: Timer | undefined;
  private isGone = false;
  private end: Promise<void>;
  private ended: () => void = () => {};

  constructor(options: ChildOptions, listener: ChildListener) {
    this.clock = options.clock;
    this.listener = listener;
    this.end = new Promise((resolve) => {
      this.ended = resolve;
    });
    try {
      this.process = start(options);
      this.listen(this.process);
      this.send({ kind: 'open', order: options.order });
    } catch (error) {
      setImmediate(() => this.leave(`cannot start: ${causeText(error)}`));
    }
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  get isClosing(): boolean {
    return this.ladder !== undefined || this.isGone;
  }

  print(ticket: Omit<Ticket, 'id'>): Promise<Printed> {
    if (this.isClosing) return Promise.resolve({ refused: 'frame_gone' });
    const id = this.nextTicket++;
    return new Promise((resolve) => {
      this.pending.set(id, { sentMs: this.clock.monotonicMs(), resolve });
      this.send({ kind: 'print', ticket: { ...ticket, id } });
    });
  }

  pass(sequence: number): void {
    this.send({ kind: 'pass', sequence });
  }

  /** How long the oldest ticket has waited for its answer; 0 when none waits. */
  oldestTicketMs(): number {
    const oldest = this.pending.values().next().value;
    return oldest === undefined ? 0 : this.clock.monotonicMs() - oldest.sentMs;
  }

  noticeEvery(everyMs: number): void {
    this.send({ kind: 'notices', everyMs });
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

  private receive(value: unknown): void {
    if (this.isGone) return;
    const message = readMessage(value);
    if (message === undefined) this.distrust('a message that no camera process sends');
    else if (message.kind === 'printed') {
      const { kind: _, id, ...printed } = message;
      this.answer(id, printed);
    } else if (message.kind === 'refused') this.answer(message.id, { refused: message.cause });
    else this.listener.message(message);
  }

  private answer(id: number, result: Printed): void {
    this.pending.get(id)?.resolve(result);
    this.pending.delete(id);
  }

  private distrust(cause: string): void {
    this.listener.message({ kind: 'ended', end: 'failed', cause: `not to be trusted: ${cause}` });
    this.kill();
  }

  private leave(cause: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.ladder?.cancel();
    for (const { resolve } of this.pending.values()) resolve({ refused: 'frame_gone' });
    this.pending.clear();
    if (this.process !== undefined) encodedPipe(this.process)?.destroy();
    this.listener.gone(cause);
    this.ended();
  }
}

function start(options: ChildOptions): ChildProcess {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const beside = new URL(`./camera-process.${extension}`, import.meta.url);
  const entry = options.entry ?? fileURLToPath(beside);
  const prints = options.order.decode !== 'none';
  return fork(entry, [], {
    execArgv: entry.endsWith('.ts') ? ['--import', tsxLoader()] : [],
    // 3 is the IPC channel; 4 and 5 are ARENA_FD and ENCODED_FD.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', prints ? options.arenaFd : 'ignore', 'pipe'],
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
