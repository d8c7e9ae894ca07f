// Stage `track`: one tracker per camera session; a session that ends, ends its tracks.
import type { FrameDetections } from '../contracts/detection.ts';
import type { FrameTracks, Track, Tracker } from '../contracts/track.ts';

export interface TrackDeps {
  createTracker(camera: string): Tracker;
  deliver(tracks: FrameTracks): void;
  /** Tracks of a session that is over: the camera is gone or came back as a new session. */
  deliverEnded(camera: string, ended: readonly Track[]): void;
}

interface Session {
  readonly id: string;
  readonly tracker: Tracker;
}

export class TrackStage {
  private readonly deps: TrackDeps;
  private readonly sessions = new Map<string, Session>();

  constructor(deps: TrackDeps) {
    this.deps = deps;
  }

  push({ frame, detections, region }: FrameDetections): void {
    let session = this.sessions.get(frame.camera);
    if (session?.id !== frame.session) {
      this.finish(frame.camera);
      session = { id: frame.session, tracker: this.deps.createTracker(frame.camera) };
      this.sessions.set(frame.camera, session);
    }
    this.deps.deliver(session.tracker.update(frame, detections, { region }));
  }

  /** Ends the tracks of a camera: its process is gone, it was removed, or the agent stops. */
  finish(camera: string): void {
    const session = this.sessions.get(camera);
    if (session === undefined) return;
    this.sessions.delete(camera);
    this.deps.deliverEnded(camera, session.tracker.finish());
  }

  finishAll(): void {
    for (const camera of [...this.sessions.keys()]) this.finish(camera);
  }
}
