// The unit file for one machine: the one in systemd/ with its paths and the groups that exist there.

export interface UnitPaths {
  /** Absolute path of the Node program. */
  readonly node: string;
  /** Absolute path of dist/bin/main.js. */
  readonly program: string;
  readonly config: string;
}

/** Folders that ProtectHome= and PrivateTmp= hide from the service. */
const HIDDEN = /^\/(home|root|run\/user|tmp|var\/tmp)(\/|$)/;

/** `groups` are those that exist; an unknown one would keep the service from starting. */
export function unitFor(template: string, paths: UnitPaths, groups: ReadonlySet<string>): string {
  const command = [paths.node, paths.program, 'run', '--config', paths.config].map(quote).join(' ');
  return template
    .split('\n')
    .map((line) => {
      if (line.startsWith('ExecStart=')) return `ExecStart=${command}`;
      if (!line.startsWith('SupplementaryGroups=')) return line;
      const wanted = line.slice(line.indexOf('=') + 1).split(' ');
      return `SupplementaryGroups=${wanted.filter((group) => groups.has(group)).join(' ')}`;
    })
    .join('\n');
}

/** The path that the service could not read, or undefined. */
export function hiddenPath({ node, program }: UnitPaths): string | undefined {
  return [node, program].find((path) => HIDDEN.test(path));
}

/** As systemd reads a word of ExecStart=. */
function quote(word: string): string {
  const escaped = word.replace(/[\\"]/g, '\\$&').replace(/%/g, '%%').replace(/\$/g, '$$$$');
  return /[\s"\\';]/.test(word) ? `"${escaped}"` : escaped;
}
