// A model of one convolution with nine weights and a ReLU: enough to see whether a provider computes, and computes right.

/** y = Relu(Conv(x, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])), float32; a test writes it anew and compares. */
export const TRIAL_MODEL: Uint8Array = Buffer.from(
  [
    'CAg6lQEKDwoBeAoBdxIBYyIEQ29udgoMCgFjEgF5IgRSZWx1EgVncmFwaCozCAEIAQgDCAMQAUIBd0okAACAPwAAAEAA',
    'AEBAAACAQAAAoEAAAMBAAADgQAAAAEEAABBBWhsKAXgSFgoUCAESEAoCCAEKAggBCgIIEAoCCBBiGwoBeRIWChQIARIQ',
    'CgIIAQoCCAEKAggOCgIIDkIECgAQDQ==',
  ].join(''),
  'base64',
);

export const TRIAL_INPUT = {
  name: 'x',
  dtype: 'float32',
  shape: [1, 1, 16, 16],
  values: 256,
  /** Every number of `y` when every number of `x` is 1. */
  expected: 45,
} as const;
