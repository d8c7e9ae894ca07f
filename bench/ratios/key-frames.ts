// When the key frames of a stream come: for starts and cameras at chosen phases.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { pause } from './daemon.ts';

/** The street clip has one each second. */
export const KEY_FRAME_MS = 1000;

/** Watches the stream, which so goes on while nobody else does, for the times of its key frames. */
export class KeyFrames {
  private readonly program: ChildProcess;
  private lastMs = Number.NaN;

  constructor(url: string) {
    const args = ['-v', 'error', '-rtsp_transport', 'tcp', '-show_entries', 'packet=flags'];
    this.program = spawn('stdbuf', ['-oL', 'ffprobe', ...args, '-of', 'csv=p=0', url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    createInterface({ input: this.program.stdout! }).on('line', (line) => {
      if (line.startsWith('K')) this.lastMs = performance.now();
    });
  }

  /** Resolves so many milliseconds after a key frame. */
  async phase(ms: number): Promise<void> {
    while (Number.isNaN(this.lastMs)) await pause(20);
    const sinceMs = (performance.now() - this.lastMs) % KEY_FRAME_MS;
    await pause((ms - sinceMs + 2 * KEY_FRAME_MS) % KEY_FRAME_MS);
  }

  close(): void {
    this.program.kill('SIGKILL');
  }
}

/** A whole one: without a key frame the decoder gives something grey after the connection, where nothing can be found. */
