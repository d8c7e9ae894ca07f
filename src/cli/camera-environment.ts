// What camera processes see of the environment: what media libraries read, and none of the agent's secrets.

type Environment = Readonly<Record<string, string | undefined>>;

const NAMES =
  /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|GST_\w+|LIBVA_\w+|XDG_\w+|CUDA_\w+|NVIDIA_\w+)$/;

/**
 * One malloc arena instead of one a thread: pictures are allocated on one thread and freed on another, and each arena
 * kept some (1080p: 17 MB less). And planes of pictures in mappings of their own, also after the first ones were freed, which
 * would raise that limit: what the heap had around them stayed (a file that is played again: 20 MB less).
 */
export function cameraEnvironment(environment: Environment): Environment {
  const kept = Object.entries(environment).filter(([name]) => NAMES.test(name));
  return { ...Object.fromEntries(kept), MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '262144' };
}
