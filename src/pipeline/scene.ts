// Zones, lines and rules of every camera: keeps their state and timeline between frames.
import type { Facts } from '../analytics/condition.ts';
import type { Counters } from '../analytics/counters.ts';
import { type RuleStates, stepRules } from '../analytics/rules.ts';
import { analyseScene, newScene, type SceneState, viewOf } from '../analytics/scene.ts';
import type { SceneEvent, View } from '../analytics/view.ts';
import type { Frame } from '../contracts/frame.ts';
import type { Rules } from '../contracts/rule.ts';
import type { ScenePlan } from '../contracts/scene.ts';
import type { FrameTracks } from '../contracts/track.ts';
import { FrameInterval } from '../track/frame-interval.ts';

/** What is to be watched; exchanged as a whole when the configuration changes. */
export interface Scenes {
  readonly cameras: Readonly<Record<string, ScenePlan>>;
  readonly rules: Rules;
  readonly location: Facts['location'];
}

/** An event of a scene with the frame that it comes from. */
export interface SceneHappening {
  readonly camera: string;
  readonly frame: Frame;
  readonly event: SceneEvent;
  /** Zones that its object is in. */
  readonly zones: readonly string[];
}

interface Watched {
  readonly interval: FrameInterval;
  timeMs: number;
  frame: Frame;
  view: View | undefined;
  scene: SceneState;
  rules: RuleStates;
}

const NO_SCENES: Scenes = { cameras: {}, rules: {}, location: undefined };
const EMPTY_PLAN: ScenePlan = { zones: {}, lines: {}, masks: [], timezone: 'UTC' };

export class SceneStage {
  private readonly watched = new Map<string, Watched>();
  private readonly told: (happening: SceneHappening) => void;
  private scenes: Scenes = NO_SCENES;
  /** Totals of cameras that have not sent a frame since the start. */
  private waiting: Record<string, Counters> = {};

  constructor(told: (happening: SceneHappening) => void) {
    this.told = told;
  }

  /** Takes effect with the next frame; what the new plan still names goes on. */
  setScenes(scenes: Scenes): void {
    this.scenes = scenes;
  }

  planOf(camera: string): ScenePlan {
    return this.scenes.cameras[camera] ?? EMPTY_PLAN;
  }

  /** Zones and lines of one frame. Returns their events, which `judge` wants to know. */
  observe(tracks: FrameTracks): SceneEvent[] {
    const { frame } = tracks;
    const watched = this.advance(frame);
    const isWanted = this.isWanted(frame.camera);
    // What was watched until now is left once.
    if (!isWanted && watched.view === undefined) return [];
    const events = this.step(watched, viewOf(tracks, watched.timeMs));
    if (!isWanted) {
      watched.view = undefined;
      watched.scene = newScene(watched.scene.counters);
      watched.rules = {};
    }
    return events;
  }

  /** Without zones, lines and rules nobody asks how objects move. */
  private isWanted(camera: string): boolean {
    const { zones, lines } = this.planOf(camera);
    for (const _ in zones) return true;
    for (const _ in lines) return true;
    for (const _ in this.scenes.rules) return true;
    return false;
  }

  /** Rules, after everything else that happened in this frame is known. */
  judge(camera: string, events: readonly SceneEvent[]): void {
    const watched = this.watched.get(camera);
    if (watched?.view === undefined) return;
    const { timezone } = this.planOf(camera);
    const { location, rules } = this.scenes;
    const facts = { view: watched.view, scene: watched.scene, events, timezone, location };
    const step = stepRules(rules, camera, watched.rules, facts);
    watched.rules = step.states;
    this.tell(watched, step.events);
  }

  /** Everything that was in view is gone: who was in a zone leaves it. */
  end(camera: string): SceneEvent[] {
    const watched = this.watched.get(camera);
    if (watched?.view === undefined) return [];
    return this.step(watched, { ...watched.view, tracks: [] });
  }

  /** Timeline of a camera's newest frame. */
  timeMs(camera: string): number {
    return this.watched.get(camera)?.timeMs ?? 0;
  }

  /** Zones that an object is in. */
  zonesOf(camera: string, objectId: string): string[] {
    const zones = this.watched.get(camera)?.scene.zones ?? {};
    return Object.keys(zones).filter((name) => zones[name]!.visits[objectId]?.isIn === true);
  }

  /** Totals by camera, for keeping over a restart. */
  counters(): Record<string, Counters> {
    const running = [...this.watched].map(
      ([camera, { scene }]) => [camera, scene.counters] as const,
    );
    const counting = running.filter(([, counters]) => Object.keys(counters).length > 0);
    return { ...this.waiting, ...Object.fromEntries(counting) };
  }

  /** Totals from before a restart; call before the first frame. */
  restore(counters: Record<string, Counters>): void {
    this.waiting = { ...counters };
  }

  private step(watched: Watched, view: View): SceneEvent[] {
    const camera = watched.frame.camera;
    const { events, state } = analyseScene(this.planOf(camera), watched.scene, view);
    watched.view = view;
    watched.scene = state;
    this.tell(watched, events);
    return events;
  }

  private tell({ frame }: Watched, events: readonly SceneEvent[]): void {
    const { camera } = frame;
    for (const event of events) {
      const { objectId } = event;
      const zones = objectId === undefined ? [] : this.zonesOf(camera, objectId);
      this.told({ camera, frame, event, zones });
    }
  }

  /** The stream's own time within a session; between sessions the time of arrival. */
  private advance(frame: Frame): Watched {
    const { camera } = frame;
    const known = this.watched.get(camera);
    if (known === undefined) {
      const watched: Watched = {
        interval: new FrameInterval(),
        timeMs: 0,
        frame,
        view: undefined,
        scene: newScene(this.waiting[camera]),
        rules: {},
      };
      watched.interval.step(frame);
      delete this.waiting[camera];
      this.watched.set(camera, watched);
      return watched;
    }
    const stepMs = known.interval.step(frame);
    const pauseMs = Math.max(0, frame.arrivedMs - known.frame.arrivedMs);
    known.timeMs += known.frame.session === frame.session ? stepMs : pauseMs;
    known.frame = frame;
    return known;
  }
}
