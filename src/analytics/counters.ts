// Totals per zone and line that begin anew on schedule and outlive restarts.
import type { ResetSchedule, ScenePlan } from '../contracts/scene.ts';
import { periodOf } from './schedule.ts';
import { placeEvent, type SceneEvent, type View } from './view.ts';

/** Plain data: stored as JSON and given back after a restart. */
export interface Counter {
  /** By `direction` or `enter`/`exit`, then by label. */
  readonly totals: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Name of the period these totals belong to. */
  readonly period: string;
}

/** Keyed `zone/<name>` and `line/<name>`. */
export type Counters = Readonly<Record<string, Counter>>;

/** Resets what is due, adds what happened, and forgets places that are no longer in the plan. */
export function stepCounters(
  plan: ScenePlan,
  before: Counters,
  happened: readonly SceneEvent[],
  view: View,
): { events: SceneEvent[]; counters: Counters } {
  const events: SceneEvent[] = [];
  const counters: Record<string, Counter> = {};
  const keep = (key: string, schedule: ResetSchedule): void => {
    const period = periodOf(schedule, view.wallMs, plan.timezone);
    const known = before[key];
    if (known === undefined || (schedule === 'never' && known.period !== '')) {
      counters[key] = { totals: known?.totals ?? {}, period };
    } else if (period.length !== known.period.length || period <= known.period) {
      counters[key] = period.length === known.period.length ? known : { ...known, period };
    } else {
      events.push(placeEvent('counter_reset', view, undefined, { counter: key, ...known }));
      counters[key] = { totals: {}, period };
    }
  };
  for (const [name, zone] of Object.entries(plan.zones)) keep(`zone/${name}`, zone.reset);
  for (const [name, line] of Object.entries(plan.lines)) keep(`line/${name}`, line.reset);
  for (const event of happened) {
    const place = keyOf(event);
    const counter = place && counters[place.key];
    if (counter === undefined) continue;
    counters[place!.key] = added(counter, place!.kind, event.label ?? 'unknown');
  }
  return { events, counters };
}

function keyOf({ type, zone, line, data }: SceneEvent): { key: string; kind: string } | undefined {
  if (type === 'line_cross') return { key: `line/${line}`, kind: String(data.direction) };
  if (type === 'zone_enter') return { key: `zone/${zone}`, kind: 'enter' };
  if (type === 'zone_exit') return { key: `zone/${zone}`, kind: 'exit' };
  return undefined;
}

function added(counter: Counter, kind: string, label: string): Counter {
  const byLabel = counter.totals[kind] ?? {};
  const totals = { ...counter.totals, [kind]: { ...byLabel, [label]: (byLabel[label] ?? 0) + 1 } };
  return { ...counter, totals };
}

/** The sum over labels, or one label's. */
export function total(counter: Counter | undefined, kind: string, label?: string): number {
  const byLabel = counter?.totals[kind] ?? {};
  if (label !== undefined) return byLabel[label] ?? 0;
  return Object.values(byLabel).reduce((sum, value) => sum + value, 0);
}
