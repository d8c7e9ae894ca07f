// `vedette run`: the daemon.
import { join } from 'node:path';
import type { Agent } from '../agent.ts';
import { pathText } from '../config/problem.ts';
import type { Config } from '../config/schema/config.ts';
import { ConfigStore, type StoredConfig } from '../config/store.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { AgentError, causeText } from '../core/errors.ts';
import { createLog, ForkedLog, type Log } from '../core/log.ts';
import { CommandDesk } from '../mqtt/commands.ts';
import type { MqttConnection } from '../mqtt/connection.ts';
import { HomeAssistant } from '../mqtt/home-assistant.ts';
import { LogTopic } from '../mqtt/log-topic.ts';
import { notifyService } from '../native/notify.ts';
import { agentCommands } from '../remote/agent-commands.ts';
import { RemoteConfig } from '../remote/config-commands.ts';
import { ControlSocket, controlSocketIn } from '../remote/control-socket.ts';
import { StatusPublisher } from '../remote/status.ts';
import { Systemd } from '../service/systemd.ts';
import { assemble } from './assemble.ts';
import { installationChecks } from './installation-checks.ts';
import { readOptions } from './options.ts';
import { untilStopped } from './until-stopped.ts';
import { VERSION } from './version.ts';

const HELP = `vedette run: watches the cameras of a configuration until it is told to stop.

Usage: vedette run [--config FILE]

  --config FILE   the YAML file (default /etc/vedette/config.yaml)

SIGTERM and SIGINT end it: tracks are ended, events delivered or kept, exit status 0. Logs go to standard error, one JSON
object a line. VEDETTE_ORT names another libonnxruntime.so.
`;

const DEFAULT_CONFIG = '/etc/vedette/config.yaml';

export async function runCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    config: { type: 'string', default: DEFAULT_CONFIG },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (positionals.length > 0) {
    throw new AgentError('USAGE', { problem: `run takes no argument ${positionals[0]}` });
  }
  const lines = new ForkedLog();
  const log = createLog('info', lines);
  const store = openStore(values.config, log);
  try {
    return await runDaemon(store, log, lines);
  } catch (error) {
    if (!store.isOnTrial) throw error;
    // The service manager starts again; the store goes back to the configuration before.
    log.error({ cause: causeText(error) }, 'no start with the pushed configuration');
    return 75;
  }
}

async function runDaemon(store: ConfigStore, log: Log, lines: ForkedLog): Promise<number> {
  const daemon = new Daemon(store, log);
  lines.also = daemon.logTopic();
  const stopped = untilStopped({ endWhen: () => daemon.isRestartWanted });
  await daemon.start();
  store.confirm();
  await stopped;
  await daemon.stop();
  // 75 (EX_TEMPFAIL) makes the service manager start it again.
  return daemon.isRestartWanted ? 75 : 0;
}

/** What `vedette run` holds: configuration, broker, agent, remote control. */
class Daemon {
  isRestartWanted = false;
  private readonly clock: Clock = systemClock;
  private readonly log: Log;
  private readonly startedMs: number = systemClock.wallMs();
  private readonly started: StoredConfig;
  private readonly mqtt: MqttConnection | undefined;
  private readonly agent: Agent;
  private readonly status: StatusPublisher | undefined;
  private readonly systemd: Systemd;
  private readonly homeAssistant: HomeAssistant | undefined;
  private readonly desk: CommandDesk;
  private readonly control: ControlSocket;

  constructor(store: ConfigStore, log: Log) {
    this.started = store.load();
    const { config } = this.started;
    log.level = config.log.level;
    this.log = log;
    const { agent, mqtt } = assemble(config, log);
    this.agent = agent;
    this.mqtt = mqtt;
    const { clock } = this;
    this.systemd = new Systemd({
      ...{ environment: process.env, clock, log },
      progress: () => this.agent.progress(),
      status: () => this.summary(),
      send: notifyService,
    });
    this.desk = new CommandDesk(log);
    this.control = new ControlSocket({
      path: controlSocketIn(config.storage.path),
      log,
      answer: (command, payload) => this.desk.answer(command, payload, false),
    });
    const remote = this.takeCommands(store);
    if (mqtt === undefined) return;
    if (config.mqtt?.home_assistant) this.homeAssistant = this.discovery(config, mqtt);
    this.status = new StatusPublisher({
      mqtt,
      clock,
      info: () => this.info(remote),
      health: () => ({ ...this.agent.health() }),
    });
  }

  async start(): Promise<void> {
    const { origin, version, hash } = this.started;
    this.log.info({ version: VERSION, config: { origin, version, hash } }, 'vedette starts');
    for (const { path, message } of this.started.warnings) {
      this.log.warn({ path: pathText(path), problem: message }, 'configuration warning');
    }
    const running = this.agent.start();
    // Its processes and threads start meanwhile.
    await Promise.all([running, this.mqtt?.prepare()]);
    // Commands reach the agent only when it can follow them.
    await this.control.start();
    await this.mqtt?.start();
    this.status?.start();
    this.announce(this.started.config);
    this.systemd.ready();
  }

  async stop(): Promise<void> {
    this.log.info('vedette stops');
    this.systemd.stopping();
    this.status?.stop();
    this.homeAssistant?.stop();
    await this.control.stop();
    await this.agent.stop();
    await this.mqtt?.stop();
    this.log.info('vedette stopped');
  }

  /** Warnings and errors for the broker; undefined without one. */
  logTopic(): LogTopic | undefined {
    const { mqtt, clock } = this;
    return mqtt && new LogTopic({ clock, publish: (line) => mqtt.publish('log', {}, line) });
  }

  private discovery({ device }: Config, mqtt: MqttConnection): HomeAssistant {
    const { topics } = mqtt;
    const options = { prefix: 'homeassistant', device: device.name, version: VERSION, topics };
    return new HomeAssistant(options, mqtt, this.clock);
  }

  /** Cameras that follow every label of a large model are announced with what people watch for. */
  private announce({ cameras }: Config): void {
    const entries = Object.entries(cameras).map(([id, { labels = ['person', 'car'] }]) => ({
      id,
      labels,
    }));
    this.homeAssistant?.announce(entries);
  }

  /** For `systemctl status`. */
  private summary(): string {
    const cameras = this.agent.cameraStatuses();
    const live = cameras.filter((camera) => camera.state === 'live');
    const away = cameras.filter((camera) => camera.state !== 'live');
    const others = away.map(({ camera, state }) => `, ${camera} ${state}`).join('');
    return `${live.length} of ${cameras.length} cameras live${others}`;
  }

  /** The same commands over the control socket and, where there is a broker, over MQTT. */
  private takeCommands(store: ConfigStore): RemoteConfig {
    const { mqtt, agent, desk } = this;
    const remote = new RemoteConfig({
      store,
      started: this.started,
      apply: async (plan, config) => {
        await agent.apply(plan, config);
        for (const camera of plan.cameras.removed) mqtt?.forgetCamera(camera);
        this.announce(config);
      },
      changed: () => this.status?.tellInfo(),
      log: this.log,
    });
    const commands = agentCommands({
      explain: async (camera) => ({ ...(await agent.explain(camera)) }),
      snapshot: (camera) => agent.snapshot(camera),
      cameras: () => agent.cameraStatuses().map(({ camera }) => camera),
      setLogLevel: (level) => {
        this.log.level = level;
      },
      restart: () => {
        this.isRestartWanted = true;
      },
    });
    for (const [name, handler] of Object.entries({ ...remote.handlers, ...commands })) {
      desk.on(name, handler);
      mqtt?.onCommand(name, handler);
    }
    if (mqtt !== undefined) this.takeSwitches(mqtt);
    return remote;
  }

  private takeSwitches(mqtt: MqttConnection): void {
    mqtt.onSet(async (camera, key, isOn) => {
      if (key !== 'enabled' && key !== 'detect') {
        throw new AgentError('COMMAND_REFUSED', { cause: `there is no switch ${key}` });
      }
      await this.agent.switch(camera, key, isOn);
      mqtt.retain('cameraState', { camera, key }, isOn ? 'ON' : 'OFF');
    });
  }

  private info(remote: RemoteConfig): Record<string, unknown> {
    const { provider, provider_choices, decoder_choices } = this.agent.health();
    return {
      version: VERSION,
      started_at: new Date(this.startedMs).toISOString(),
      config: remote.identity(),
      provider,
      provider_choices,
      decoder_choices,
    };
  }
}

function openStore(file: string, log: Log): ConfigStore {
  const directory = join(stateFolder(), 'config');
  return new ConfigStore({
    file,
    directory,
    environment: process.env,
    checks: installationChecks,
    log,
  });
}

/** systemd names it; by hand it is where the default storage is. */
function stateFolder(): string {
  return process.env.STATE_DIRECTORY ?? '/var/lib/vedette';
}
