// One catalogue of everything that can go wrong and is worth a name. docs/reference/errors.md lists exactly these codes.

interface ErrorSpec {
  /** What a person reads; `{field}` is filled from `detail`. */
  readonly text: string;
  /** What that person can do about it. */
  readonly remedy: string;
  /** Exit status when it ends the process: 78 (EX_CONFIG) is never restarted by systemd, 69/70/75 are. */
  readonly exit: number;
}

export const ERRORS = {
  CONFIG_INVALID: {
    text: 'the configuration has {count} problem(s)\n{problems}',
    remedy: 'mend the lines named above; `vedette check FILE` shows them again',
    exit: 78,
  },
  CONFIG_UNREADABLE: {
    text: 'cannot read {path}: {cause}',
    remedy: 'name a YAML file that exists and can be read',
    exit: 78,
  },
  USAGE: { text: '{problem}', remedy: '`vedette --help` lists commands and options', exit: 64 },
  NATIVE_UNAVAILABLE: {
    text: 'the native part {name} cannot be loaded: {cause}',
    remedy: 'run `npm run build:native`, on the machine that will run it',
    exit: 69,
  },
  RUNTIME_UNAVAILABLE: {
    text: 'no usable ONNX Runtime library: {cause}',
    remedy:
      'set runtime.library to a libonnxruntime.so (API 17 or newer), or reinstall onnxruntime-node',
    exit: 78,
  },
  PROVIDER_UNAVAILABLE: {
    text: 'execution provider {provider} is not available: {cause}',
    remedy: 'choose another runtime.provider, or point runtime.library at a build that has it',
    exit: 78,
  },
  MODEL_UNREADABLE: {
    text: 'cannot use model {path}: {cause}',
    remedy: '`vedette models` lists the models that are installed',
    exit: 78,
  },
  MODEL_HASH_MISMATCH: {
    text: '{path} is not the file its manifest describes (sha256 {actual}, expected {expected})',
    remedy: 'fetch the model again, or correct the manifest if the change is intended',
    exit: 78,
  },
  MODEL_UNSUPPORTED: {
    text: 'no head decodes {path}: {cause}',
    remedy: 'name the head in the manifest, or use a model of a supported family',
    exit: 78,
  },
  TENSOR_MISMATCH: {
    text: 'tensor {name}: {cause}',
    remedy: 'the model and its manifest disagree about shapes or types',
    exit: 70,
  },
  INFERENCE_FAILED: {
    text: 'model {path} failed on {provider}: {cause}',
    remedy: '`vedette probe` shows which providers work here; choose another runtime.provider',
    exit: 70,
  },
  ARENA_FULL: {
    text: 'the arena of {size} bytes has no room for {wanted} more',
    remedy: 'lower the batch size or the number of cameras',
    exit: 70,
  },
  BROKER_UNREACHABLE: {
    text: 'the MQTT broker {url} cannot be reached: {cause}',
    remedy: 'check mqtt.url; events are kept until it is back',
    exit: 75,
  },
  STORE_UNAVAILABLE: {
    text: 'the database {path} cannot be used: {cause}',
    remedy: 'check the folder, its owner and the free space',
    exit: 78,
  },
  COMMAND_REFUSED: { text: '{cause}', remedy: 'correct the request and send it again', exit: 65 },
  AGENT_UNREACHABLE: {
    text: 'no agent answers on {path}: {cause}',
    remedy: 'name the configuration it runs with (--config), and be root or the user it runs as',
    exit: 69,
  },
  ALREADY_RUNNING: {
    text: 'another agent keeps its data in this folder and answers on {path}',
    remedy: 'stop it, or give this one a storage.path of its own',
    exit: 78,
  },
  SERVICE_FAILED: {
    text: 'the service could not be changed: {cause}',
    remedy: 'run as root on a machine with systemd',
    exit: 77,
  },
  DEFECT: {
    text: 'a promise inside Vedette was broken: {cause}',
    remedy: 'please report it with the log around it',
    exit: 70,
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorDetail = Readonly<Record<string, string | number | boolean | undefined>>;

/** The only error class that Vedette throws: `code` from the catalogue, `detail` for the log. */
export class AgentError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, detail: ErrorDetail = {}, cause?: unknown) {
    super(fillIn(ERRORS[code].text, detail), cause === undefined ? undefined : { cause });
    this.name = 'AgentError';
    this.code = code;
    this.detail = detail;
  }

  get remedy(): string {
    return ERRORS[this.code].remedy;
  }

  get exit(): number {
    return ERRORS[this.code].exit;
  }
}

export function isCode(error: unknown, code: ErrorCode): error is AgentError {
  return error instanceof AgentError && error.code === code;
}

/** The text of whatever was thrown, without a stack: for `detail.cause` and log fields. */
export function causeText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function fillIn(text: string, detail: ErrorDetail): string {
  return text.replace(/\{(\w+)\}/g, (whole, key: string) => String(detail[key] ?? whole));
}
