// Device nodes of GPUs, NPUs and video codecs.
import type { HardwareProfile } from '../contracts/hardware.ts';
import type { Machine } from './machine.ts';

type Node = HardwareProfile['nodes'][number];

const KINDS: readonly (readonly [kind: Node['kind'], nodes: RegExp])[] = [
  ['gpu', /^(dri\/renderD\d+|nvidia\d+|nvhost-gpu|nvgpu\/igpu\d+|mali\d+)$/],
  ['npu', /^(accel\/accel\d+|hailo\d+|apex_\d+|nvhost-nvdla\d+|rknpu)$/],
  ['codec', /^(nvhost-nvdec\d*|v4l2-nvdec|nvhost-nvjpg\d*)$/],
];

/** Folders of /dev that hold such nodes. */
const FOLDERS = ['dri', 'accel', 'nvgpu'];

/** Drivers of codecs give their V4L2 nodes names like these; cameras have nodes of the same kind. */
const CODEC_NAME = /codec|dec\b|decoder|hevc|hantro|rkvdec|cedrus|venus|vpu/i;

/** Names below /dev, e.g. `dri/renderD128`. */
export function nodeNames(machine: Machine): string[] {
  const inside = FOLDERS.flatMap((folder) =>
    machine.list(`dev/${folder}`).map((name) => `${folder}/${name}`),
  );
  return [...machine.list('dev').filter((name) => !FOLDERS.includes(name)), ...inside];
}

export function deviceNodes(machine: Machine): Node[] {
  return nodeNames(machine).flatMap((name) => {
    const known = KINDS.find(([, nodes]) => nodes.test(name))?.[0];
    const kind = known ?? (isCodec(machine, name) ? 'codec' : undefined);
    return kind === undefined ? [] : [{ path: `/dev/${name}`, kind }];
  });
}

function isCodec(machine: Machine, name: string): boolean {
  if (!/^video\d+$/.test(name)) return false;
  return CODEC_NAME.test(machine.text(`sys/class/video4linux/${name}/name`) ?? '');
}
