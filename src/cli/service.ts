// `vedette service`: installs, shows and removes the systemd service.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AgentError } from '../core/errors.ts';
import { type Host, install, remove, type Sources, UNIT_NAME } from '../service/install.ts';
import { readOptions } from './options.ts';
import { PACKAGE_ROOT } from './version.ts';

const HELP = `Usage: vedette service install [--root DIR]
       vedette service status
       vedette service remove [--purge] [--root DIR]

install   creates the user vedette, /etc/vedette with a commented config.yaml,
          /var/lib/vedette and the unit, and has it started with the machine. What is
          there already stays as it is; after an update of Vedette, run it again.
status    shows how the service does.
remove    stops the service and takes the unit away. Configuration and data stay.

Options:
  --purge     remove: configuration, data and user as well
  --root DIR  works on the file system of an image in DIR; systemd is not spoken to
  -h, --help  this text

Exit status: 0 done, 77 not possible here; status: 0 active, 3 not, 4 not installed.
`;

export async function serviceCommand(args: string[]): Promise<number> {
  const { values, positionals } = readOptions(args, {
    root: { type: 'string' },
    purge: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [action, ...rest] = positionals;
  if (rest.length > 0)
    throw new AgentError('USAGE', { problem: `service: not understood: ${rest[0]}` });
  if (values.purge && action !== 'remove') {
    throw new AgentError('USAGE', { problem: 'service: --purge belongs to remove' });
  }
  if (action === 'status') return showStatus();
  if (action === 'remove') remove(hostAt(values.root), values.purge);
  else if (action === 'install') install(hostAt(values.root), sources());
  else throw new AgentError('USAGE', { problem: 'service: say install, status or remove' });
  return 0;
}

function sources(): Sources {
  return {
    unit: join(PACKAGE_ROOT, 'systemd', UNIT_NAME),
    config: join(PACKAGE_ROOT, 'systemd', 'config.yaml'),
    node: process.execPath,
    program: join(PACKAGE_ROOT, 'dist', 'cli', 'main.js'),
  };
}

function hostAt(root: string | undefined): Host {
  const isHere = root === undefined;
  if (process.getuid?.() !== 0) throw failed('only root may do this');
  if (isHere && !existsSync('/run/systemd/system')) throw failed('systemd does not run here');
  if (!isHere && !existsSync(join(root, 'etc')))
    throw failed(`${root} is no file system: it has no etc`);
  return { root: isHere ? '/' : resolve(root), run, say: (line) => console.log(line) };
}

const FACTS = [
  ...['LoadState', 'ActiveState', 'SubState', 'Result', 'UnitFileState', 'StatusText'],
  ...['MainPID', 'NRestarts', 'ActiveEnterTimestamp', 'ExecMainStatus'],
];

function showStatus(): number {
  const shown = run('systemctl', ['show', UNIT_NAME, `--property=${FACTS.join(',')}`]);
  const facts: Partial<Record<string, string>> = Object.fromEntries(
    shown.split('\n').map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
  );
  if (facts.LoadState === 'not-found') {
    console.log('not installed; `vedette service install` does it');
    return 4;
  }
  const isActive = facts.ActiveState === 'active';
  console.log(`state     ${facts.ActiveState} (${facts.SubState}), ${facts.UnitFileState} at boot`);
  if (isActive) {
    console.log(`since     ${facts.ActiveEnterTimestamp}, process ${facts.MainPID}`);
    console.log(`says      ${facts.StatusText}`);
  } else if (facts.Result !== 'success') {
    console.log(`ended     ${facts.Result}, exit status ${facts.ExecMainStatus}`);
  }
  console.log(`restarts  ${facts.NRestarts}`);
  console.log('log       journalctl -u vedette');
  return isActive ? 0 : 3;
}

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return stdout;
  const said = error?.message ?? `${stdout}${stderr}`.trim();
  throw failed(`${program} ${args.join(' ')}: ${said}`);
}

function failed(cause: string): AgentError {
  return new AgentError('SERVICE_FAILED', { cause });
}
