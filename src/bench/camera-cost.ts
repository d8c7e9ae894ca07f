// What a stream costs: real camera processes decode a clip as fast as they can, and print its frames or let them go.

import { WHOLE_FRAME } from '../contracts/geometry.ts';
import type { ModelManifest } from '../contracts/model.ts';
import { printedBytes } from '../contracts/ticket.ts';
import type { Clock } from '../core/clock.ts';
import { AgentError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { cpuMs } from '../hw/process-usage.ts';
import { printFormatOf } from '../infer/engine.ts';
import { Arena } from '../native/arena.ts';
import type { CameraPlan } from '../pipeline/camera-plan.ts';
import type { StreamFacts } from '../pipeline/camera-session.ts';
import { CameraSupervisor } from '../pipeline/supervisor.ts';

export interface CameraCostOptions {
  readonly plan: Omit<CameraPlan, 'camera' | 'arenaBytes'>;
  readonly manifest: ModelManifest;
  /** Camera processes side by side. */
  readonly cameras: number;
  readonly windowMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

export interface CameraCost {
  readonly stream: StreamFacts;
  /** All cameras together. */
  readonly decode: Cost;
  /** Decoding included. */
  readonly decodeAndPrint: Cost;
  /** The kernel alone, as the camera process times it. */
  readonly printUs: number;
}

export interface Cost {
  readonly fps: number;
  /** Camera processes, and what their notices and tickets cost here. */
  readonly cpuMsPerFrame: number;
}

/** A camera that reaches no frame in so long has a clip that cannot be read. */
const START_LIMIT_MS = 30_000;
const SETTLE_MS = 300;

/** Takes two windows and a second or two for the processes to start. Throws USAGE when the clip gives no frames. */
export async function measureCameras(options: CameraCostOptions): Promise<CameraCost> {
  const format = printFormatOf(options.manifest);
  const bytes = printedBytes(format);
  const arena = Arena.create((bytes + 64) * options.cameras);
  const cameras = Array.from({ length: options.cameras }, (_, at) =>
    openCamera(`bench${at}`, arena, options),
  );
  const slots = cameras.map(() => arena.reserve(bytes));
  let frames = 0;
  let isPrinting = false;
  let prints = 0;
  let tookUs = 0;
  for (const [at, camera] of cameras.entries()) {
    camera.on('frame', ({ sequence }) => {
      frames += 1;
      if (!isPrinting) {
        camera.pass(sequence);
        return;
      }
      const ticket = { sequence, rectangle: WHOLE_FRAME, format, offset: slots[at] ?? 0 };
      void camera.print(ticket).then((printed) => {
        if ('refused' in printed) return;
        prints += 1;
        tookUs += printed.tookUs;
      });
    });
  }
  const cost = async (): Promise<Cost> => {
    await pause(SETTLE_MS);
    const before = { frames, cpu: cpuOf(cameras), ms: performance.now() };
    await pause(options.windowMs);
    const seen = frames - before.frames;
    return {
      fps: (seen * 1000) / (performance.now() - before.ms),
      cpuMsPerFrame: (cpuOf(cameras) - before.cpu) / seen,
    };
  };
  try {
    const [stream] = await Promise.all(cameras.map((camera) => untilLive(camera, options.clock)));
    const decode = await cost();
    isPrinting = true;
    const decodeAndPrint = await cost();
    return { stream: stream!, decode, decodeAndPrint, printUs: tookUs / prints };
  } finally {
    await Promise.all(cameras.map((camera) => camera.stop()));
    arena.close();
  }
}

function openCamera(
  camera: string,
  arena: Arena,
  { plan, environment, clock, log }: CameraCostOptions,
): CameraSupervisor {
  const supervisor = new CameraSupervisor({
    ...{ arena, clock, log, environment },
    plan: { ...plan, camera, arenaBytes: arena.bytes },
  });
  supervisor.start();
  return supervisor;
}

/** Waits until the camera is live. */
async function untilLive(camera: CameraSupervisor, clock: Clock): Promise<StreamFacts> {
  let stream: StreamFacts | undefined;
  camera.on('stream', (facts) => {
    stream = facts;
  });
  const startMs = clock.monotonicMs();
  for (;;) {
    const { state, last_error: error } = camera.status();
    if (state === 'live' && stream !== undefined) return stream;
    if (error !== null || clock.monotonicMs() - startMs > START_LIMIT_MS) {
      const problem = `the clip cannot be decoded: ${error ?? `it is ${state}`}`;
      throw new AgentError('USAGE', { problem });
    }
    await pause(50);
  }
}

/** Milliseconds of this process and of the cameras. */
function cpuOf(cameras: readonly CameraSupervisor[]): number {
  const { user, system } = process.cpuUsage();
  const children = cameras.reduce((sum, { pid }) => sum + cpuMs(pid ?? 0), 0);
  return children + (user + system) / 1000;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
