// Writing a file so that a crash or power cut leaves the old one or the new one, whole.
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Durable when it returns: the bytes and the folder entry are on disk. Readable by the owner only. */
export function writeAtomically(path: string, text: string): void {
  writeDurably(`${path}.new`, text);
  moveDurably(`${path}.new`, path);
}

/** Creates the folder when it is missing. */
export function writeDurably(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(path, 'w', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

export function moveDurably(from: string, to: string): void {
  renameSync(from, to);
  const folder = openSync(dirname(to), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
