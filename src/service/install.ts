// Puts Vedette under systemd's care and takes it away again. Every step may find its work done already.
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { AgentError } from '../core/errors.ts';
import { hiddenPath, type UnitPaths, unitFor } from './unit.ts';

export const UNIT_NAME = 'vedette.service';
const ACCOUNT = 'vedette';
const CONFIG_FOLDER = 'etc/vedette';
const CONFIG_FILE = `${CONFIG_FOLDER}/config.yaml`;
const STATE_FOLDER = 'var/lib/vedette';
const UNIT_FILE = `etc/systemd/system/${UNIT_NAME}`;

export interface Host {
  /** `/`, or the folder of an image that is being made: systemd is then not spoken to. */
  readonly root: string;
  /** Runs a program to its end; throws `SERVICE_FAILED` with what it said. */
  run(program: string, args: readonly string[]): string;
  say(line: string): void;
}

export interface Sources {
  readonly unit: string;
  readonly config: string;
  readonly node: string;
  readonly program: string;
}

/** Creates account, folders, configuration and unit; starts the service if it has a configuration of its own. */
export function install(host: Host, sources: Sources): void {
  const paths: UnitPaths = { ...sources, config: `/${CONFIG_FILE}` };
  checkPaths(host, paths);
  const account = ensureAccount(host);
  const isFirst = ensureFiles(host, sources, account);
  const unit = unitFor(readFileSync(sources.unit, 'utf8'), paths, groupsOf(host));
  const unitFile = join(host.root, UNIT_FILE);
  mkdirSync(join(unitFile, '..'), { recursive: true });
  writeFileSync(unitFile, unit, { mode: 0o644 });
  host.say(`unit           ${unitFile}`);
  if (host.root !== '/') return;
  host.run('systemctl', ['daemon-reload']);
  host.run('systemctl', ['enable', '--quiet', UNIT_NAME]);
  if (isFirst) {
    host.say(`\nName your cameras in /${CONFIG_FILE}, then: systemctl start vedette`);
    return;
  }
  host.run('systemctl', ['restart', UNIT_NAME]);
  host.say('service        started');
}

/** Stops the service and removes the unit; configuration, data and account only when `purge` says so. */
export function remove(host: Host, purge: boolean): void {
  const unitFile = join(host.root, UNIT_FILE);
  if (host.root === '/' && existsSync(unitFile)) {
    host.run('systemctl', ['disable', '--now', '--quiet', UNIT_NAME]);
  }
  rmSync(unitFile, { force: true });
  host.say(`removed        ${unitFile}`);
  if (host.root === '/') host.run('systemctl', ['daemon-reload']);
  if (!purge) {
    host.say(
      `kept           /${CONFIG_FOLDER}, /${STATE_FOLDER} and user ${ACCOUNT} (--purge removes them)`,
    );
    return;
  }
  for (const folder of [CONFIG_FOLDER, STATE_FOLDER, 'var/cache/vedette']) {
    rmSync(join(host.root, folder), { recursive: true, force: true });
    host.say(`removed        ${join(host.root, folder)}`);
  }
  if (findAccount(host) === undefined) return;
  host.run('userdel', [...prefix(host), ACCOUNT]);
  host.say(`removed        user ${ACCOUNT}`);
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

function checkPaths(host: Host, paths: UnitPaths): void {
  if (!existsSync(paths.program)) {
    throw failed(`${paths.program} does not exist; \`npm run build\` makes it`);
  }
  const hidden = host.root === '/' ? hiddenPath(paths) : undefined;
  if (hidden !== undefined) {
    throw failed(`the service may not see ${hidden}; move Vedette and Node to /opt or /usr/local`);
  }
}

function ensureAccount(host: Host): Account {
  let account = findAccount(host);
  if (account === undefined) {
    const home = `/${STATE_FOLDER}`;
    const options = ['--system', '--user-group', '--no-create-home', '--home-dir', home];
    const shell = ['--shell', '/usr/sbin/nologin', '--comment', 'Vedette video analytics'];
    host.run('useradd', [...prefix(host), ...options, ...shell, ACCOUNT]);
    account = findAccount(host);
  }
  if (account === undefined) throw failed(`user ${ACCOUNT} could not be created`);
  host.say(`user           ${ACCOUNT} (${account.uid})`);
  return account;
}

/** True when the configuration was written now; one that is there is never touched. */
function ensureFiles(host: Host, sources: Sources, { uid, gid }: Account): boolean {
  const configFolder = join(host.root, CONFIG_FOLDER);
  const stateFolder = join(host.root, STATE_FOLDER);
  for (const [folder, owner] of [
    [configFolder, 0],
    [stateFolder, uid],
  ] as const) {
    mkdirSync(folder, { recursive: true });
    chownSync(folder, owner, gid);
    chmodSync(folder, 0o750);
    host.say(`folder         ${folder}`);
  }
  const config = join(host.root, CONFIG_FILE);
  if (existsSync(config)) {
    host.say(`configuration  ${config} (left as it is)`);
    return false;
  }
  copyFileSync(sources.config, config);
  chownSync(config, 0, gid);
  chmodSync(config, 0o640);
  host.say(`configuration  ${config}`);
  return true;
}

function findAccount(host: Host): Account | undefined {
  const fields = readRecords(host, 'etc/passwd').find(([name]) => name === ACCOUNT);
  return fields && { uid: Number(fields[2]), gid: Number(fields[3]) };
}

function groupsOf(host: Host): Set<string> {
  return new Set(readRecords(host, 'etc/group').map(([name]) => name ?? ''));
}

function readRecords(host: Host, file: string): string[][] {
  const path = join(host.root, file);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.map((line) => line.split(':'));
}

function prefix(host: Host): string[] {
  return host.root === '/' ? [] : ['--prefix', host.root];
}

function failed(cause: string): AgentError {
  return new AgentError('SERVICE_FAILED', { cause });
}
