// The data path, in order. These words are file names, log fields, metric names and headings of the docs.

export const STAGES = [
  {
    name: 'source',
    file: 'source.ts',
    does: 'opens a camera in its own process and keeps it open',
  },
  {
    name: 'decode',
    file: 'decode-gstreamer.ts',
    does: 'turns the stream into frames that stay where the decoder put them',
  },
  {
    name: 'schedule',
    file: 'scheduler.ts',
    does: 'chooses whose newest frame is inferred next, by movement, lateness and doubt',
  },
  {
    name: 'batch',
    file: 'batch.ts',
    does: 'has chosen frames printed straight into the tensor of the next run',
  },
  { name: 'infer', file: 'infer.ts', does: 'runs the model and reads boxes out of its answer' },
  {
    name: 'track',
    file: 'track.ts',
    does: 'joins boxes of consecutive frames into objects with an identity',
  },
  {
    name: 'analyse',
    file: 'analyse.ts',
    does: 'turns tracks into what happened: new, better seen, gone',
  },
  {
    name: 'publish',
    file: 'publish.ts',
    does: 'gives it its wire form and hands it to MQTT, SQLite and alerts',
  },
] as const;
