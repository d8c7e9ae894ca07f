// `vedette demo`: two RTSP cameras from real footage, a broker, the agent, and pictures to look at afterwards.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { requireValid } from '../config/load.ts';
import type { Config } from '../config/schema/config.ts';
import { validate } from '../config/validate.ts';
import type { Box } from '../contracts/geometry.ts';
import type { Sink, SinkRecord } from '../contracts/sink.ts';
import { createLog } from '../core/log.ts';
import { startBroker } from '../mqtt/built-in-broker.ts';
import { listenTo } from '../mqtt/listener.ts';
import { contactSheet, cropAround } from '../pipeline/still-drawing.ts';
import { assemble } from './assemble.ts';
import { type DemoCamera, prepareFootage } from './footage.ts';
import { integerOption, readOptions } from './options.ts';
import { Rates } from './rates.ts';
import { startRtspServer } from './rtsp-camera.ts';
import { TerminalSink } from './terminal-sink.ts';
import { untilStopped } from './until-stopped.ts';

const HELP = `vedette demo: see it work, with nothing to prepare.

Usage: npm run demo -- [OPTIONS]

Serves real footage as two RTSP cameras, starts an MQTT broker and the agent, and prints what it sees. Ctrl-C ends
everything and leaves annotated stills of all finished objects and a contact sheet in a folder.

  --clip FILE     footage of your own instead of Debian's opencv-doc street camera
  --out FOLDER    where stills, database and contact sheet go (default ./demo-out)
  --model NAME    another model than the embedded one
  --mqtt URL      a broker of your own instead of the built-in one
  --seconds N     stop after N seconds
  --verbose       also print better views, heartbeats and the log
`;

const OPTIONS = {
  clip: { type: 'string' },
  out: { type: 'string', default: 'demo-out' },
  model: { type: 'string' },
  mqtt: { type: 'string' },
  seconds: { type: 'string' },
  verbose: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof readOptions<typeof OPTIONS>>['values'];

/** Things to undo at the end, newest first, whatever happened in between. */
type Cleanups = (() => Promise<void> | void)[];

export async function demoCommand(args: string[]): Promise<number> {
  const { values } = readOptions(args, OPTIONS);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const cleanups: Cleanups = [];
  try {
    await runDemo(values, cleanups);
    return 0;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

async function runDemo(values: Values, cleanups: Cleanups): Promise<void> {
  const seconds = integerOption('seconds', values.seconds, { min: 1, max: 1e6 });
  const log = createLog(values.verbose ? 'debug' : 'warn');
  const out = resolve(values.out);
  mkdirSync(out, { recursive: true });

  say('preparing the footage …');
  const footage = mkdtempSync(join(tmpdir(), 'vedette-demo-'));
  cleanups.push(() => rmSync(footage, { recursive: true, force: true }));
  const cameras = prepareFootage(values.clip, footage);
  const server = await startRtspServer({
    mounts: cameras.map(({ id, file }) => ({ path: id, file })),
  });
  cleanups.push(() => server.stop());

  const broker = values.mqtt === undefined ? await startBroker({ log }) : undefined;
  if (broker !== undefined) cleanups.push(() => broker.stop());
  const brokerUrl = values.mqtt ?? broker?.url ?? '';
  const config = configFor(cameras, server.port, brokerUrl, out, values.model);
  const device = config.device.name;
  const finished = new FinishedObjects();
  const terminal = new TerminalSink({
    output: process.stdout,
    isColoured: process.stdout.isTTY === true,
    isVerbose: values.verbose === true,
  });
  const { agent, mqtt, manifest } = assemble(config, log, [terminal, finished]);
  for (const { url } of server.clips) say(`camera  ${url}`);
  say(`broker  ${brokerUrl}  topics vedette/${device}/#`);
  say(`model   ${manifest.name}`);

  const listener = await listenTo(brokerUrl, `vedette/${device}/cam/+/event`);
  cleanups.push(() => listener.stop());
  await mqtt?.start();
  cleanups.push(() => mqtt?.stop());
  await agent.start();
  const rates = new Rates(agent, process.stdout);
  say('running; Ctrl-C ends it');
  await untilStopped({ seconds });
  rates.stop();
  await agent.stop();
  await summarise(out, finished.found, listener.count());
}

function configFor(
  cameras: readonly DemoCamera[],
  port: number,
  brokerUrl: string,
  out: string,
  model: string | undefined,
): Config {
  const document = {
    device: { name: 'demo' },
    cameras: Object.fromEntries(
      cameras.map(({ id }) => [id, { url: `rtsp://127.0.0.1:${port}/${id}`, fps: 10 }]),
    ),
    ...(model !== undefined && { model }),
    mqtt: { url: brokerUrl },
    storage: { path: out, stills: { annotate: true } },
  };
  const name = 'the configuration of the demo';
  const text = JSON.stringify(document, null, 2);
  return requireValid(validate(text, { name, environment: {} }), name).config;
}

/** Remembers the objects of this run that have a still, in the order in which they ended. */
class FinishedObjects implements Sink {
  readonly name = 'contact-sheet';
  readonly found: { still: string; box: Box }[] = [];
  async open(): Promise<void> {}
  write(records: readonly SinkRecord[]): void {
    for (const record of records) {
      if (record.kind !== 'event') continue;
      const { still, best } = record.event;
      if (still !== null && best !== null) this.found.push({ still, box: best.box });
    }
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {}
  health() {
    const delivered = this.found.length;
    return { state: 'ok' as const, backlog: 0, delivered, dropped: 0, lastError: null };
  }
}

/** The largest sheet that is still worth looking at. */
const MAX_ON_SHEET = 48;

async function summarise(
  out: string,
  objects: FinishedObjects['found'],
  received: number,
): Promise<void> {
  say(`${received} events arrived at an independent MQTT client`);
  if (objects.length === 0) {
    say('no object ended while it ran; let it run longer for stills');
    return;
  }
  const crops = await Promise.all(
    objects
      .slice(-MAX_ON_SHEET)
      .map(({ still, box }) => cropAround(readFileSync(join(out, 'stills', still)), box)),
  );
  const sheet = join(out, 'contact-sheet.jpg');
  writeFileSync(sheet, await contactSheet(crops));
  say(`${objects.length} annotated stills in ${join(out, 'stills')}`);
  say(`contact sheet: ${sheet}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
