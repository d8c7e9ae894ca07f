// The data path, in order. These words are file names, log fields, metric names and headings of the docs.

export const STAGES = [
  { name: 'source', does: 'opens a camera in its own process and keeps it open' },
  { name: 'decode', does: 'turns the stream into frames that stay where the decoder put them' },
  { name: 'schedule', does: 'chooses whose newest frame is inferred next, by rate and lateness' },
  { name: 'batch', does: 'has chosen frames printed straight into the tensor of the next run' },
  { name: 'infer', does: 'runs the model and reads boxes out of its answer' },
  { name: 'track', does: 'joins boxes of consecutive frames into objects with an identity' },
  { name: 'analyse', does: 'turns tracks into what happened: new, better seen, gone' },
  { name: 'publish', does: 'gives it its wire form and hands it to MQTT, SQLite and alerts' },
] as const;

export type StageName = (typeof STAGES)[number]['name'];
