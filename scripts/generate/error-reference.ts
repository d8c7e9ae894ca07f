// docs/reference/errors.md: every code of the error catalogue.
import { ERRORS } from '../../src/core/errors.ts';

const EXIT_MEANING: Readonly<Record<number, string>> = {
  64: 'wrong usage; not started again',
  65: 'wrong data in a request',
  69: 'something the program needs is not there; started again',
  70: 'a defect of Vedette; started again',
  75: 'passes by itself; never ends the daemon',
  77: 'not permitted',
  78: 'wrong configuration; not started again',
};

export function errorReference(): string {
  const entries = Object.entries(ERRORS);
  const rows = entries.map(([code, { text, remedy, exit }]) => {
    const cells = [`\`${code}\``, text.replaceAll('\n', ' '), remedy, String(exit)];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const exits = [...new Set(entries.map(([, { exit }]) => exit))].sort((a, b) => a - b);
  return `<!-- Generated from src/core/errors.ts by npm run gen. -->
# Errors

Every error that Vedette names has a code, which logs, answers to commands and exit statuses carry. Parts in braces are
filled in when it happens.

| Code | What happened | What to do | Exit |
|---|---|---|---|
${rows.join('\n')}

Exit statuses, as systemd sees them with the unit that Vedette installs:

| Exit | Meaning |
|---|---|
${exits.map((exit) => `| ${exit} | ${EXIT_MEANING[exit] ?? ''} |`).join('\n')}
`;
}
