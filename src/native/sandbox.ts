// What a process tells the kernel and its C library of itself; a camera process gives up nearly everything before its first byte.
import { openSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { callNative, loadNative } from './binding.ts';

export interface Confinement {
  /** Beyond the programs, libraries and settings of the system: the file that a camera plays, for instance. */
  readonly read?: readonly string[];
  /** Files and folders; none by default. */
  readonly write?: readonly string[];
  /** Programs that may be started; with none, no process can be started either. */
  readonly execute?: readonly string[];
  /** TCP ports that may be connected to. Absent: any. Listening is never possible. */
  readonly tcpPorts?: readonly number[];
  /** Upper bound of private writable memory. */
  readonly dataBytes?: number;
}

export interface ConfinementReport {
  /** Measures in force. */
  readonly applied: readonly string[];
  /** Those that are not, and why. */
  readonly missing: readonly { readonly measure: string; readonly problem: string }[];
  /** What measures in force leave open. */
  readonly remarks: readonly string[];
}

interface SandboxExports {
  dieWithParent(parent: number): void;
  setName(name: string): void;
  keepLittle(): void;
  confine(confinement: object): { name: string; isApplied: boolean; remark: string }[];
}

/** People's data, and other services' state and secrets: nothing in there helps to decode a stream. */
const HIDDEN: Readonly<Record<string, readonly string[]>> = {
  '/': ['boot', 'dev', 'etc', 'home', 'media', 'mnt', 'proc', 'root', 'run', 'srv', 'tmp', 'var'],
  '/etc': ['vedette', 'shadow', 'shadow-', 'gshadow', 'gshadow-', 'ssh'],
  '/run': ['credentials', 'user', 'secrets'],
};

/** Devices that decoders use: GPU, NPU, codec, camera and DMA nodes, also NVIDIA's. */
const DEVICES =
  /^(null|zero|full|random|urandom|dri|dma_heap|video\d+|media\d+|nv.*|accel|mali\d*|kfd|snd|shm)$/;

/** The kernel ends this process when `parent` ends; at once when it has ended already. */
export function dieWithParent(parent: number = process.ppid): void {
  callNative(() => loadNative<SandboxExports>().dieWithParent(parent));
}

/** The main thread's name in ps and top; the kernel keeps 15 bytes. */
export function setName(name: string): void {
  callNative(() => loadNative<SandboxExports>().setName(name));
}

/** What is freed goes back to the kernel instead of lying in an arena of each thread: 30 to 45 MB of an agent. For threads to come. */
export function keepLittle(): void {
  callNative(() => loadNative<SandboxExports>().keepLittle());
}

/**
 * No new privileges, no core files, no files but the system's and those named, no programs but those named, no listening,
 * and no system calls that decoding never needs (ptrace, mount, bpf, io_uring …). For all threads; there is no way back.
 *
 * Open descriptors stay usable, and so do libraries: they are mapped, not executed. A program that may be started brings
 * its dynamic loader with it, which can map others: `execute` stops injected commands, not injected code.
 */
export function confine(confinement: Confinement = {}): ConfinementReport {
  const measures = callNative(() =>
    loadNative<SandboxExports>().confine({
      readable: [...systemFolders(), ...(confinement.read ?? [])],
      writable: [...deviceNodes(), ...(confinement.write ?? [])],
      executable: confinement.execute ?? [],
      tcpPorts: confinement.tcpPorts,
      dataBytes: confinement.dataBytes,
    }),
  );
  const inForce = measures.filter(({ isApplied }) => isApplied);
  return {
    applied: inForce.map(({ name }) => name),
    missing: measures
      .filter(({ isApplied }) => !isApplied)
      .map(({ name, remark }) => ({ measure: name, problem: remark })),
    remarks: inForce.flatMap(({ remark }) => (remark === '' ? [] : [remark])),
  };
}

/** Everything but what HIDDEN names: a decoder's libraries and settings lie in other places on every board. */
function systemFolders(): string[] {
  const ownCode = path.resolve(import.meta.dirname, '../..');
  const visible = Object.entries(HIDDEN).flatMap(([folder, hidden]) =>
    entries(folder)
      .filter((name) => !hidden.includes(name))
      .map((name) => path.join(folder, name)),
  );
  return [...visible, ...processFiles(), ownCode, path.dirname(process.execPath)];
}

/** Of /proc what belongs to no process, and this one's: the agent's environment may hold secrets. */
function processFiles(): string[] {
  // A rule is bound to the folder's inode, which the kernel makes anew unless somebody keeps it: never closed.
  openSync('/proc/self', 'r');
  const general = entries('/proc').filter((name) => !/^\d+$/.test(name));
  return general.map((name) => path.join('/proc', name));
}

function deviceNodes(): string[] {
  return entries('/dev')
    .filter((name) => DEVICES.test(name))
    .map((name) => path.join('/dev', name));
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
