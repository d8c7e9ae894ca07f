// Section `runtime`: the library that runs models, and how it is used.
import * as v from 'valibot';
import { path, text, wholeNumber } from './values.ts';

const batch = v.pipe(
  v.strictObject({
    max_batch_size: v.optional(
      v.pipe(
        v.union([v.literal('auto'), wholeNumber(1, 64)]),
        v.description(
          'Most frames in one inference. Higher: more throughput on GPUs and NPUs, more delay and memory. `auto`: 1 on CPUs, elsewhere the smallest that is about as fast as 8, never more than the model takes.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      'auto',
    ),
    preferred_batch_size: v.optional(
      v.pipe(
        v.array(wholeNumber(1, 64)),
        v.description(
          'Batches of these sizes leave as soon as no other frame waits, without the delay below. For accelerators that are much faster at some sizes.',
        ),
        v.examples([[4, 8]]),
        v.metadata({ apply: 'agent' }),
      ),
      [],
    ),
    max_queue_delay_us: v.optional(
      v.pipe(
        wholeNumber(0, 1_000_000),
        v.description(
          'How long a batch that is not full waits for more frames, in microseconds; less where one of its frames would be late otherwise. Higher: fuller batches, more delay.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      5000,
    ),
  }),
  v.description('How frames of several cameras are inferred together.'),
);

const plugin = v.strictObject({
  name: v.pipe(
    text,
    v.description('Name under which the provider registers itself.'),
    v.examples(['MyProvider']),
    v.metadata({ apply: 'agent' }),
  ),
  library: v.pipe(
    path,
    v.description('Shared library of the provider.'),
    v.examples(['/usr/lib/libmy_provider.so']),
    v.metadata({ apply: 'agent' }),
  ),
});

export const runtime = v.pipe(
  v.strictObject({
    library: v.exactOptional(
      v.pipe(
        path,
        v.description(
          'The libonnxruntime.so to use, for instance one built with TensorRT. Absent: searched; `vedette probe` shows where.',
        ),
        v.examples(['/usr/lib/aarch64-linux-gnu/libonnxruntime.so.1']),
        v.metadata({ apply: 'agent' }),
      ),
    ),
    provider: v.optional(
      v.pipe(
        text,
        v.description(
          'Execution provider: auto, cpu, cuda, tensorrt, openvino, xnnpack, or the name of a plugin. `auto` takes the first that works in the order that `vedette probe` shows; any other that cannot be used ends the start with an error.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      'auto',
    ),
    provider_options: v.optional(
      v.pipe(
        v.record(v.string(), v.string('a text; put numbers and true/false in quotes')),
        v.description(
          'Options of the provider under the names that ONNX Runtime gives them; values are texts.',
        ),
        v.examples([{ trt_fp16_enable: '1' }]),
        v.metadata({ apply: 'agent' }),
      ),
      {},
    ),
    sessions: v.optional(
      v.pipe(
        v.union([v.literal('auto'), wholeNumber(1, 64)]),
        v.description(
          'Inferences that run side by side. `auto`: what was fastest when the model was first started here, mostly one per core on CPUs and one elsewhere. More than cores only costs memory.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      'auto',
    ),
    threads: v.optional(
      v.pipe(
        v.union([v.literal('auto'), wholeNumber(1, 64)]),
        v.description(
          'Threads of one inference. More shorten a single inference and mostly lower the total throughput. `auto`: measured together with `sessions`; where either is fixed, nothing is measured.',
        ),
        v.metadata({ apply: 'agent' }),
      ),
      'auto',
    ),
    batch: v.optional(batch, {}),
    plugins: v.optional(
      v.pipe(
        v.array(plugin),
        v.description('Execution providers that are libraries of their own.'),
        v.metadata({ apply: 'agent' }),
      ),
      [],
    ),
  }),
  v.description('The library that runs models, and how it is used.'),
);
