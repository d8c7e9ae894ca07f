// A line every few seconds that says how fast everything runs.
import type { Agent } from '../agent.ts';

const PERIOD_MS = 5000;

export class Rates {
  private readonly agent: Agent;
  private readonly output: NodeJS.WritableStream;
  private readonly timer: NodeJS.Timeout;
  private last = new Map<string, number>();
  private lastMs = performance.now();

  constructor(agent: Agent, output: NodeJS.WritableStream) {
    this.agent = agent;
    this.output = output;
    this.timer = setInterval(() => this.print(), PERIOD_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private print(): void {
    const nowMs = performance.now();
    const seconds = (nowMs - this.lastMs) / 1000;
    this.lastMs = nowMs;
    const { metrics } = this.agent;
    const parts = this.agent.cameraStatuses().map((status) => {
      const inferred = metrics.camera(status.camera).inferredFrames;
      const fps = (inferred - (this.last.get(status.camera) ?? 0)) / seconds;
      this.last.set(status.camera, inferred);
      if (status.state !== 'live') return `${status.camera} ${status.state}`;
      const size = status.frame_size?.join('x') ?? '';
      return `${status.camera} ${size} ${status.fps.toFixed(1)} fps decoded by ${status.decoder}, ${fps.toFixed(1)} analysed`;
    });
    const inferMs = metrics.inferMs.percentileMs(0.5).toFixed(0);
    const latencyMs = metrics.captureToPublishMs.percentileMs(0.5).toFixed(0);
    this.output.write(
      `-- ${parts.join(' · ')} · inference ${inferMs} ms · capture to event ${latencyMs} ms\n`,
    );
  }
}
