// `npm run bench`: what a frame costs on this machine. Prints a table, or JSON with --json.
import { parseArgs } from 'node:util';
import { benchPath } from './path.ts';

const HELP = `npm run bench -- [OPTIONS]

  --model NAME     model (default: the embedded one; yolox-nano where the test material is)
  --clip FILE      footage (default: Debian's opencv-doc street camera)
  --rounds N       interleaved rounds, medians are told (default 3)
  --seconds N      length of each window (default 5)
  --cameras a,b    numbers of cameras (default 1,4)
  --json           for machines
`;

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    clip: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    cameras: { type: 'string', default: '1,4' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});

if (values.help) process.stdout.write(HELP);
else {
  const result = await benchPath({
    clip: values.clip,
    model: values.model,
    rounds: Number(values.rounds),
    windowMs: Number(values.seconds) * 1000,
    cameras: values.cameras.split(',').map(Number),
  });
  if (values.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else print(result);
}

function print(result: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(result)) {
    if (Array.isArray(value)) console.table(value.map(rounded));
    else console.log(key.padEnd(18), typeof value === 'object' ? rounded(value) : value);
  }
}

function rounded(record: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record as object).map(([key, value]) => [
      key,
      typeof value === 'number' ? Number(value.toPrecision(3)) : value,
    ]),
  );
}
