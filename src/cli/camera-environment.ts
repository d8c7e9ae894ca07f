// What camera processes see of the environment: what media libraries read, and none of the agent's secrets.

type Environment = Readonly<Record<string, string | undefined>>;

const NAMES =
  /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|GST_\w+|LIBVA_\w+|XDG_\w+|CUDA_\w+|NVIDIA_\w+)$/;

/** `GSETTINGS_BACKEND=memory` keeps GIO from looking for a desktop's settings, which the sandbox refuses with a warning. */
export function cameraEnvironment(environment: Environment): Environment {
  const kept = Object.entries(environment).filter(([name]) => NAMES.test(name));
  return { ...Object.fromEntries(kept), GSETTINGS_BACKEND: 'memory' };
}
