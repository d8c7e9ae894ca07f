// The address of a camera, split into what may be shown and what may not.

export interface SourceParts {
  /** rtsp(s)://host[:port]/path, a file path or /dev/videoN; without credentials. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

const RTSP =
  /^(rtsps?):\/\/(?:([^:@/]*)(?::([^/]*))?@)?([^@/\s:[\]]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(\/\S*)?$/i;

/**
 * Understands what `cameras.<id>.url` may hold; undefined for anything else.
 *
 * Cameras' manuals show passwords in URLs as they are, so `@ : # ?` in a password are taken as written
 * as long as the text has one reading; percent escapes are decoded.
 */
export function parseSource(text: string): SourceParts | undefined {
  if (/^\.{0,2}\//.test(text)) return text.includes('\0') ? undefined : { url: text };
  const match = RTSP.exec(text);
  if (match === null) return undefined;
  const [, scheme, username, password, host, port = '', path = ''] = match;
  if (Number(port.slice(1)) > 65535) return undefined;
  return {
    url: `${scheme!.toLowerCase()}://${host}${port}${path}`,
    ...(username ? { username: decode(username) } : {}),
    ...(password ? { password: decode(password) } : {}),
  };
}

/** For messages: without anything that may be a user name or password, however broken the address is. */
export function hideCredentials(address: string): string {
  return address.replace(/^([^:/]*[:/]+).*@/, '$1***@');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
