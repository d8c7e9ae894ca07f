// A sink for people: one readable line per thing that happened.
import type { EventRecord } from '../contracts/event.ts';
import type { Sink, SinkHealth, SinkRecord } from '../contracts/sink.ts';

const COLOURS: Readonly<Record<string, number>> = {
  object_new: 32,
  object_update: 90,
  object_end: 33,
  camera_online: 36,
  camera_offline: 31,
};

export interface TerminalOptions {
  readonly output: NodeJS.WritableStream;
  readonly isColoured: boolean;
  /** Also tell heartbeats and better views of objects that are in view. */
  readonly isVerbose: boolean;
}

/** Writes `12:30:05.120  door  person #7  new  88 %  at 31,40 size 5x22`; positions are percent of the frame. */
export class TerminalSink implements Sink {
  readonly name = 'terminal';
  private readonly options: TerminalOptions;
  private delivered = 0;

  constructor(options: TerminalOptions) {
    this.options = options;
  }

  async open(): Promise<void> {}

  write(records: readonly SinkRecord[]): void {
    for (const record of records) {
      if (record.kind !== 'event') continue;
      const { event } = record;
      if (event.event_type === 'object_update' && !this.options.isVerbose) continue;
      this.options.output.write(`${this.paint(lineOf(event), event.event_type)}\n`);
      this.delivered += 1;
    }
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  health(): SinkHealth {
    return { state: 'ok', backlog: 0, delivered: this.delivered, dropped: 0, lastError: null };
  }

  private paint(line: string, type: string): string {
    const colour = COLOURS[type];
    if (!this.options.isColoured || colour === undefined) return line;
    return `\u001b[${colour}m${line}\u001b[0m`;
  }
}

function lineOf(event: EventRecord): string {
  const time = event.ts.slice(11, 23);
  const camera = event.camera.padEnd(10);
  if (event.object_id === null) {
    const state = String(event.data.state ?? event.event_type);
    const error = event.data.last_error;
    return `${time}  ${camera}  ${state}${error ? `: ${error}` : ''}`;
  }
  const object = `${event.label} #${event.track_id}`.padEnd(16);
  const what = event.event_type.replace('object_', '').padEnd(8);
  const score = `${Math.round((event.top_score ?? 0) * 100)} %`.padStart(5);
  return `${time}  ${camera}  ${object}${what}${score}  ${positionOf(event)}${durationOf(event)}`;
}

function positionOf({ box }: EventRecord): string {
  if (box === null) return '';
  const [x, y, w, h] = box.map((value) => Math.round(value * 100)) as [
    number,
    number,
    number,
    number,
  ];
  return `at ${x},${y} size ${w}x${h}`;
}

function durationOf({ start_ts, end_ts, still }: EventRecord): string {
  if (start_ts === null || end_ts === null) return '';
  const seconds = (Date.parse(end_ts) - Date.parse(start_ts)) / 1000;
  return `  after ${seconds.toFixed(1)} s${still === null ? '' : `  still ${still}`}`;
}
