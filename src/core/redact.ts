// Secrets are removed from what is written and told in this place and nowhere else.

const REDACTED = '***';
const SECRET_KEYS = /^(password|passwd|secret|token|authorization|api_key|private_key)$/i;
const CREDENTIALS_IN_URL = /([a-z][a-z0-9+.-]*:\/\/)([^/@\s:]*):([^\s/]*)@/gi;

/** `rtsp://user:pass@host/x` becomes `rtsp://user:***@host/x`; works inside longer text. */
export function redactText(text: string): string {
  return text.replace(CREDENTIALS_IN_URL, `$1$2:${REDACTED}@`);
}

/** A deep copy of `value` without passwords, tokens and credentials in URLs. */
export function redact(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value);
  if (Array.isArray(value)) return value.map(redact);
  if (value instanceof Error) {
    return {
      ...(redact({ ...value }) as object),
      name: value.name,
      message: redactText(value.message),
      stack: redactText(value.stack ?? ''),
    };
  }
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRET_KEYS.test(key) ? REDACTED : redact(inner),
    ]),
  );
}
