// Section `model`: the detector.
import * as v from 'valibot';
import { fraction, path, text } from './values.ts';

const settings = v.pipe(
  v.strictObject({
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
  v.check(
    (model) => model.name === undefined || model.path === undefined,
    'either `name` or `path`',
  ),
);

const shortForm = v.pipe(
  text,
  v.transform(
    (value): v.InferOutput<typeof settings> =>
      value.includes('/') || value.endsWith('.onnx') ? { path: value } : { name: value },
  ),
);

export const model = v.pipe(
  v.optional(v.union([shortForm, settings]), {}),
  v.description(
    'The detector. A text is short for `name`, or for `path` when it looks like a file. Absent: the model that comes with Vedette.',
  ),
  v.metadata({ apply: 'agent' }),
);
