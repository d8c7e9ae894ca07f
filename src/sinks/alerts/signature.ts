// Signature of an alert: proves to the receiver who sent it, and when.
import { createHmac } from 'node:crypto';

/**
 * Value of `X-Vedette-Signature`: `t=<unix seconds>,v1=<hex>`, where v1 is the HMAC-SHA256 of
 * `<t>.<body>` under the shared secret. A receiver computes the same over the raw body, compares in
 * constant time, and refuses a `t` that is more than some minutes off, so that nobody can send
 * an old alert again.
 */
export function signature(secret: string, unixSeconds: number, body: string): string {
  const hmac = createHmac('sha256', secret).update(`${unixSeconds}.${body}`).digest('hex');
  return `t=${unixSeconds},v1=${hmac}`;
}
