// Stage `source`: what a camera's URL means.
import { fileURLToPath } from 'node:url';
import type { SessionEnd } from '../contracts/ticket.ts';
import { causeText } from '../core/errors.ts';
import { redactText } from '../core/redact.ts';

export type Source =
  | { readonly kind: 'rtsp'; readonly url: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'device'; readonly path: string };

export interface Ending {
  readonly end: SessionEnd;
  /** For people; without credentials. */
  readonly cause: string;
}

/** The kinds of source that are understood. What looks like another protocol is refused rather than tried. */
export function parseSource(source: string): Source | Ending {
  if (/^\/dev\/video\d+$/.test(source)) return { kind: 'device', path: source };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase();
  if (scheme === undefined) return { kind: 'file', path: source };
  if (scheme === 'file') return fileSource(source);
  if (scheme !== 'rtsp' && scheme !== 'rtsps') {
    return refused(`${scheme}:// is no source; use rtsp://, rtsps://, a file or /dev/videoN`);
  }
  const url = URL.canParse(source) ? new URL(source) : undefined;
  if (url === undefined || url.hostname === '') {
    return refused(`${redactText(source)} names no camera; rtsp://ADDRESS/PATH does`);
  }
  if (url.username !== '' || url.password !== '') {
    return refused('the URL holds credentials; they travel in fields of their own');
  }
  return { kind: 'rtsp', url: source };
}

function fileSource(source: string): Source | Ending {
  try {
    return { kind: 'file', path: fileURLToPath(source) };
  } catch (error) {
    return refused(`${source}: ${causeText(error)}`);
  }
}

function refused(cause: string): Ending {
  return { end: 'failed', cause };
}
