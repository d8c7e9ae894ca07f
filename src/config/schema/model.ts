// Section `model`: the detector, and section `appearance`: the model that tells look-alikes apart.
import * as v from 'valibot';
import { fraction, path, text } from './values.ts';

const MOST_DESCRIBED = 8;

/** Which file: one of `name` and `path`. */
const file = {
  name: v.exactOptional(
    v.pipe(
      text,
      v.description('A registered model; `vedette models` lists them.'),
      v.examples(['yolox_nano']),
      v.metadata({ apply: 'agent' }),
    ),
  ),
  path: v.exactOptional(
    v.pipe(
      path,
      v.description('Instead of `name`: an ONNX file.'),
      v.examples(['/var/lib/vedette/models/yolox_nano_416.onnx']),
      v.metadata({ apply: 'agent' }),
    ),
  ),
  manifest: v.exactOptional(
    v.pipe(
      path,
      v.description(
        'YAML file that describes the ONNX file: hash, input, head, labels. Absent: the file beside the model with the same name, or the metadata inside the model.',
      ),
      v.examples(['/var/lib/vedette/models/yolox_nano_416.yaml']),
      v.metadata({ apply: 'agent' }),
    ),
  ),
};

const ONE_OF = 'either `name` or `path`';

function isOne(model: { readonly name?: string; readonly path?: string }): boolean {
  return model.name === undefined || model.path === undefined;
}

const settings = v.pipe(
  v.strictObject({
    ...file,
    min_score: v.exactOptional(
      v.pipe(
        fraction,
        v.description(
          'Detections below are dropped before tracking. Keep it low: weak detections continue tracks, and what is reported is decided by `tracking`. Absent: as the manifest says.',
        ),
        v.examples([0.1]),
        v.metadata({ apply: 'agent' }),
      ),
    ),
    nms_iou: v.exactOptional(
      v.pipe(
        fraction,
        v.description(
          'Of two boxes of one class that overlap by more than this, the weaker is dropped. Higher: people in a crowd are kept apart, and duplicates stay. Absent: as the manifest says.',
        ),
        v.examples([0.5]),
        v.metadata({ apply: 'agent' }),
      ),
    ),
  }),
  v.check((model) => isOne(model), ONE_OF),
);

function fileOrName(value: string): { path: string } | { name: string } {
  return value.includes('/') || value.endsWith('.onnx') ? { path: value } : { name: value };
}

const shortForm = v.pipe(
  text,
  v.transform((value): v.InferOutput<typeof settings> => fileOrName(value)),
);

export const model = v.pipe(
  v.optional(v.union([shortForm, settings]), {}),
  v.description(
    'The detector. A text is short for `name`, or for `path` when it looks like a file. Absent: the model that comes with Vedette.',
  ),
  v.metadata({ apply: 'agent' }),
);

const describing = v.pipe(
  v.strictObject({
    ...file,
    most: v.optional(
      v.pipe(
        v.number(),
        v.integer(),
        v.minValue(1),
        v.maxValue(64),
        v.description(
          'So many of the surest objects of a frame are described. Higher: crowds are told apart, and each object costs one run of the model per analysed frame.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      MOST_DESCRIBED,
    ),
  }),
  v.check((model) => isOne(model), ONE_OF),
);

export const appearance = v.pipe(
  v.union([
    v.pipe(
      text,
      v.transform(
        (value): v.InferOutput<typeof describing> => ({
          ...fileOrName(value),
          most: MOST_DESCRIBED,
        }),
      ),
    ),
    describing,
  ]),
  v.description(
    'A re-identification model (head `embedding`) that describes how detected objects look, so that the tracker tells apart those whose boxes meet; `tracking.appearance` weighs it. A text is short for `name` or `path`. Absent: objects are followed by place alone.',
  ),
  v.metadata({ apply: 'agent' }),
);
