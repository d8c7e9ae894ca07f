// `npm run bench:detect`: how well and how fast detectors find, through the code that the daemon runs.
import { existsSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { requireValid } from '../src/config/load.ts';
import { validate } from '../src/config/validate.ts';
import type { ModelManifest } from '../src/contracts/model.ts';
import { AgentError } from '../src/core/errors.ts';
import { findRuntimeLibrary } from '../src/native/runtime-library.ts';
import { describeRuntime } from '../src/native/session.ts';
import { type TrackingConfig, trackingFor } from '../src/track/tracking-config.ts';
import { shared, sharedRoot } from '../test/shared.ts';
import {
  type ClipFigures,
  figuresOf,
  followClip,
  LEAST_TRIED,
  readClipTruth,
  type TrackedFigures,
  tune,
  watchClip,
} from './detect/clip.ts';
import { Detector } from './detect/detector.ts';
import { drawExamples } from './detect/examples.ts';
import { openClip } from './detect/pictures.ts';
import { Progress } from './detect/progress.ts';
import { publish } from './detect/publish.ts';
import { type SetFigures, scoreSet } from './detect/score-set.ts';
import { measureSpeed } from './detect/speed.ts';
import { type Figures, markdown } from './detect/tables.ts';
import { readCoco, readCorpusVal, readJson, type TruthSet } from './detect/truth.ts';
import { benchModel, registeredModels, YARDSTICK } from './models.ts';

const HELP = `npm run bench:detect -- [OPTIONS]

Average precision by label and object size, speed, and recall and precision after tracking.

  --model M            an installed model or an ONNX file with a manifest; may be repeated. Default: the embedded one in
                       INT8 and FP32, and the registered ones; ${YARDSTICK} is always there as the yardstick
  --images DIR --annotations coco.json
                       score these pictures only (default: the sets of the test material)
  --map LABEL=A,B      finds of A and B count as LABEL of the annotations; may be repeated
  --clip FILE --clip-truth JSON
                       follow persons on this clip only (default: Debian's vtest.avi, marked by eye)
  --set KEY=NUMBER     of the tracking section, for the clip; may be repeated
  --tune               try many scores of the tracking section on the clip, and tell those with the best F1
  --only WHAT          one of: sets, clip, speed
  --rounds N           inferences of each model for the speed (default 1000; in turns of 10)
  --examples FILE      draw the first model's worst frames of the clip as a JPEG
  --json               everything, for machines (default: tables in Markdown)
  --from FILE          do not measure: read what --json wrote
  --publish            also put the tables into models/README.md and the key figures into models/figures.json
`;

const { values } = parseArgs({
  options: {
    model: { type: 'string', multiple: true },
    images: { type: 'string' },
    annotations: { type: 'string' },
    map: { type: 'string', multiple: true, default: [] },
    clip: { type: 'string' },
    'clip-truth': { type: 'string' },
    set: { type: 'string', multiple: true, default: [] },
    tune: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '1000' },
    examples: { type: 'string' },
    json: { type: 'boolean', default: false },
    from: { type: 'string' },
    publish: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const ROOT = join(import.meta.dirname, '..');
const VTEST = '/usr/share/doc/opencv-doc/examples/data/vtest.avi';
const VEHICLES = new Map([['vehicle', ['car', 'bus', 'truck']]]);

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const figures = values.from === undefined ? await measure() : readFigures(values.from);
  if (values.json) process.stdout.write(`${JSON.stringify(figures, null, 1)}\n`);
  else process.stdout.write(markdown(figures));
  if (values.publish) publish(figures);
}

type Part = 'sets' | 'clip' | 'speed';

/** What a person names is measured alone; without names, everything is. */
function wantedParts(): ReadonlySet<string> {
  const parts: readonly Part[] = ['sets', 'clip', 'speed'];
  const { only } = values;
  if (only !== undefined) {
    if (parts.some((part) => part === only)) return new Set([only]);
    throw usage(`--only ${only}: expected ${parts.join(', ')}`);
  }
  const named: Part[] = [];
  if (values.images !== undefined || values.annotations !== undefined) named.push('sets');
  if (values.clip !== undefined) named.push('clip');
  return new Set(named.length > 0 ? named : parts);
}

async function measure(): Promise<Figures> {
  const parts = wantedParts();
  const rounds = Number(values.rounds);
  if (!(rounds >= 1)) throw usage(`--rounds ${values.rounds}: expected a number from 1 on`);
  const named = values.model ?? ['vedette-s-int8', 'vedette-s-fp32'];
  const others = registeredModels().filter((name) => !values.model || name === YARDSTICK);
  const manifests = [...new Set([...named, ...others])].map(benchModel);
  const library = findRuntimeLibrary(undefined, process.env.VEDETTE_ORT).path;
  const sets = parts.has('sets') ? truthSets() : [];
  const progress = new Progress();
  const detectors: Detector[] = [];
  for (const manifest of manifests) detectors.push(await Detector.open(manifest));
  const scored: SetFigures[] = [];
  for (const set of sets) scored.push(await scoreSet(set, detectors, progress));
  const clip = parts.has('clip') ? await clipFigures(detectors, progress) : undefined;
  for (const detector of detectors) await detector.close();
  return {
    machine: `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`,
    runtime: `ONNX Runtime ${describeRuntime(library).version}`,
    yardstick: (manifests.find(({ name }) => name === YARDSTICK) ?? manifests[0]!).name,
    models: manifests.map(({ name }) => name),
    sha256: Object.fromEntries(manifests.map(({ name, sha256 }) => [name, sha256])),
    sets: scored,
    clip,
    speed: parts.has('speed') ? await measureSpeed(manifests, rounds, progress) : [],
  };
}

function truthSets(): TruthSet[] {
  const { images, annotations } = values;
  const merged = new Map(values.map.map(mergeOf));
  if (images !== undefined && annotations !== undefined) {
    return [readCoco(annotations, images, merged)];
  }
  if (images !== undefined || annotations !== undefined) {
    throw usage('--images and --annotations belong together');
  }
  if (sharedRoot === undefined) {
    throw usage('the test material is not on this machine; name --images and --annotations');
  }
  const coco = (name: string, vehicles?: TruthSet['merged']): TruthSet => {
    const folder = shared('images', name);
    return readCoco(join(folder, 'annotations.json'), join(folder, 'images'), vehicles);
  };
  const known = new Set(benchModel(undefined).labels);
  return [
    coco('airport10_person'),
    coco('vehicle8', VEHICLES),
    coco('coco_val80'),
    readCorpusVal(shared('corpus'), known),
  ];
}

function mergeOf(text: string): [string, string[]] {
  const [target, sources] = text.split('=');
  if (target && sources) return [target, sources.split(',')];
  throw usage(`--map ${text}: expected LABEL=A,B`);
}

/** With the frame rate and the tracking section that a configuration has which says nothing about them. */
async function clipFigures(
  detectors: readonly Detector[],
  progress: Progress,
): Promise<ClipFigures> {
  const file = values.clip ?? VTEST;
  const truthFile = values['clip-truth'] ?? join(ROOT, 'test/fixtures/vtest-truth.json');
  if (!existsSync(file))
    throw usage(`${file} is not there: apt install opencv-doc, or name --clip`);
  const clip = openClip(file);
  const truth = readClipTruth(truthFile);
  const text = JSON.stringify({ cameras: { clip: file }, tracking: trackingOptions() });
  const { config } = requireValid(validate(text, { name: '--set', environment: {} }), '--set');
  const { fps } = config.cameras.clip!;
  const of = ({ tracking }: ModelManifest): TrackingConfig =>
    trackingFor(tracking, config.tracking);
  const leastScore = (manifest: ModelManifest): number =>
    values.tune ? LEAST_TRIED : Math.max(manifest.minScore, of(manifest).low_score);
  const seen = await watchClip(clip, truth, detectors, leastScore, progress);
  const models = detectors.map(({ manifest }, i): [string, TrackedFigures] => {
    const follow = (tracking: TrackingConfig): TrackedFigures =>
      figuresOf(followClip(seen[i]!, clip, truth, tracking, fps), tracking);
    return [manifest.name, values.tune ? tune(of(manifest), follow) : follow(of(manifest))];
  });
  const examples =
    values.examples ?? (values.publish ? join(ROOT, 'models/examples.jpg') : undefined);
  if (examples !== undefined) {
    const tracking = of(detectors[0]!.manifest);
    await drawExamples(examples, clip, followClip(seen[0]!, clip, truth, tracking, fps));
  }
  const persons = [...truth.values()].flat().filter(({ isCrowd }) => !isCrowd).length;
  return {
    ...{ clip: basename(file), fps, frames: truth.size, persons },
    models: Object.fromEntries(models),
  };
}

function trackingOptions(): Record<string, number> {
  const pairs = values.set.map((pair) => {
    const [key, value] = pair.split('=');
    if (key && Number.isFinite(Number(value))) return [key, Number(value)];
    throw usage(`--set ${pair}: expected KEY=NUMBER`);
  });
  return Object.fromEntries(pairs);
}

function readFigures(path: string): Figures {
  const figures = readJson(path) as Partial<Figures>;
  if (figures.sets !== undefined && figures.models !== undefined) return figures as Figures;
  throw usage(`${path} is not what --json writes`);
}

function usage(problem: string): AgentError {
  return new AgentError('USAGE', { problem });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof AgentError)) throw error;
  process.stderr.write(`bench:detect: ${error.message}\n`);
  process.exitCode = error.exit;
}
