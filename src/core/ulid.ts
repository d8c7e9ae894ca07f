// Globally unique ids that sort by time (ULID: 48 bits of milliseconds, 80 bits of randomness, Crockford base 32).
import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * 26 characters. Ids made in the same millisecond have no order among themselves. `random` gives the
 * bytes of the tail; replay counts instead.
 */
export function ulid(wallMs: number, random: (size: number) => Uint8Array = randomBytes): string {
  let time = Math.floor(wallMs);
  let head = '';
  for (let i = 0; i < 10; i++) {
    head = ALPHABET[time % 32] + head;
    time = Math.floor(time / 32);
  }
  let tail = '';
  for (const byte of random(16)) tail += ALPHABET[byte % 32];
  return head + tail;
}
