// Whether a condition holds in this frame, for which objects, and why.

import type {
  Comparison,
  Condition,
  CounterCondition,
  EventCondition,
  ObjectsCondition,
  SunCondition,
  TimeCondition,
} from '../contracts/rule.ts';
import type { Track } from '../contracts/track.ts';
import { comparisonText, fits, windowOf } from './comparison.ts';
import { total } from './counters.ts';
import type { SceneState } from './scene.ts';
import { isWithin, localTime } from './schedule.ts';
import { type Chains, stepSequence } from './sequence.ts';
import { sunElevation } from './sun.ts';
import type { Reason, Verdict } from './verdict.ts';
import { type SceneEvent, seconds, type View } from './view.ts';

export interface Facts {
  readonly view: View;
  readonly scene: SceneState;
  readonly events: readonly SceneEvent[];
  readonly timezone: string;
  readonly location: { readonly latitude: number; readonly longitude: number } | undefined;
}

/** Sequences keep their progress in `chains`, by the place of the condition in its rule. */
export function evaluate(
  condition: Condition,
  facts: Facts,
  chains: Record<string, Chains>,
  path = 'when',
): Verdict {
  const inner = (part: Condition, key: string): Verdict =>
    evaluate(part, facts, chains, `${path}.${key}`);
  if ('all' in condition) return all(condition.all.map((part, i) => inner(part, `all${i}`)));
  if ('any' in condition) return any(condition.any.map((part, i) => inner(part, `any${i}`)));
  if ('not' in condition) return not(inner(condition.not, 'not'));
  if ('sequence' in condition) {
    const steps = condition.sequence.map((part, i) => inner(part, `sequence${i}`));
    const { verdict, chains: next } = stepSequence(
      condition,
      steps,
      chains[path] ?? [],
      facts.view.timeMs,
    );
    chains[path] = next;
    return verdict;
  }
  if ('event' in condition) return eventVerdict(condition, facts);
  if ('counter' in condition) return counterVerdict(condition, facts);
  if ('time' in condition) return timeVerdict(condition, facts);
  if ('sun' in condition) return sunVerdict(condition, facts);
  return objectsVerdict(condition, facts);
}

function all(parts: readonly Verdict[]): Verdict {
  const about = parts.flatMap((part) => (part.holds ? (part.objects ?? []) : []));
  return {
    holds: parts.every((part) => part.holds),
    why: parts.flatMap((part) => part.why),
    objects: parts.some((part) => part.objects !== undefined) ? [...new Set(about)] : undefined,
    isMoment: parts.some((part) => part.isMoment),
  };
}

function any(parts: readonly Verdict[]): Verdict {
  const holding = parts.filter((part) => part.holds);
  if (holding.length === 0) return { ...all(parts), holds: false, objects: [] };
  return { ...all(holding), isMoment: holding.every((part) => part.isMoment) };
}

function not(part: Verdict): Verdict {
  const why = part.why.map((reason) => ({
    condition: `not ${reason.condition}`,
    value: reason.value,
    holds: !reason.holds,
  }));
  return { holds: !part.holds, why, objects: undefined, isMoment: false };
}

function eventVerdict(condition: EventCondition, { events }: Facts): Verdict {
  const found = events.filter(
    (event) =>
      event.type === condition.event &&
      (condition.zone === undefined || event.zone === condition.zone) &&
      (condition.line === undefined || event.line === condition.line) &&
      (condition.label === undefined || event.label === condition.label) &&
      (condition.direction === undefined || event.data.direction === condition.direction),
  );
  const parts = [condition.label, condition.event, condition.zone, condition.line];
  const reason: Reason = {
    condition: [...parts, condition.direction].filter(Boolean).join(' '),
    value: found.map((event) => event.data),
    holds: found.length > 0,
  };
  const objects = found.flatMap(({ objectId }) => (objectId === undefined ? [] : [objectId]));
  return { holds: found.length > 0, why: [reason], objects, isMoment: true };
}

function objectsVerdict(condition: ObjectsCondition, facts: Facts): Verdict {
  const found = facts.view.tracks.filter((track) => isMeant(condition, track, facts));
  const count = condition.count ?? 1;
  const holds = fits(count, found.length);
  const reason: Reason = {
    condition: `${comparisonText(count)} ${objectsText(condition)}`,
    value: {
      count: found.length,
      objects: found.map((track) => measured(condition, track, facts)),
    },
    holds,
  };
  return { holds, why: [reason], objects: found.map((track) => track.id), isMoment: false };
}

function isMeant(condition: ObjectsCondition, track: Track, facts: Facts): boolean {
  const { zone, dwell_s, still_s, speed_kmh } = condition;
  if (condition.label !== undefined && track.label !== condition.label) return false;
  if (zone !== undefined && dwellMs(zone, track, facts) === undefined) return false;
  const motion = facts.scene.motion[track.id];
  const stillMs = motion && facts.view.timeMs - motion.stillSinceMs;
  return (
    (dwell_s === undefined || fitsSeconds(dwell_s, dwellMs(zone, track, facts))) &&
    (still_s === undefined || fitsSeconds(still_s, stillMs)) &&
    (speed_kmh === undefined || fits(speed_kmh, motion?.speedKmh))
  );
}

function fitsSeconds(comparison: Comparison, ms: number | undefined): boolean {
  return fits(comparison, ms === undefined ? undefined : ms / 1000);
}

function dwellMs(zone: string | undefined, track: Track, facts: Facts): number | undefined {
  const visit = zone === undefined ? undefined : facts.scene.zones[zone]?.visits[track.id];
  return visit?.isIn === true ? facts.view.timeMs - visit.enteredMs : undefined;
}

function measured(condition: ObjectsCondition, track: Track, facts: Facts): object {
  const motion = facts.scene.motion[track.id];
  const dwell = dwellMs(condition.zone, track, facts);
  return {
    id: track.id,
    label: track.label,
    ...(dwell !== undefined && { dwell_s: seconds(dwell) }),
    ...(condition.still_s !== undefined &&
      motion && { still_s: seconds(facts.view.timeMs - motion.stillSinceMs) }),
    ...(condition.speed_kmh !== undefined && { speed_kmh: motion?.speedKmh ?? null }),
  };
}

function objectsText(condition: ObjectsCondition): string {
  const { label = 'object', zone, dwell_s, still_s, speed_kmh } = condition;
  const parts = [label];
  if (zone !== undefined) parts.push(`in ${zone}`);
  if (dwell_s !== undefined) parts.push(`with dwell_s ${comparisonText(dwell_s)}`);
  if (still_s !== undefined) parts.push(`with still_s ${comparisonText(still_s)}`);
  if (speed_kmh !== undefined) parts.push(`with speed_kmh ${comparisonText(speed_kmh)}`);
  return parts.join(' ');
}

function counterVerdict({ counter, total: wanted }: CounterCondition, facts: Facts): Verdict {
  const key = counter.line === undefined ? `zone/${counter.zone}` : `line/${counter.line}`;
  const value = total(facts.scene.counters[key], counter.kind, counter.label);
  const text = [counter.label, counter.kind, 'at', counter.line ?? counter.zone];
  return timeless(
    `${text.filter(Boolean).join(' ')} ${comparisonText(wanted)}`,
    value,
    fits(wanted, value),
  );
}

function timeVerdict(condition: TimeCondition, facts: Facts): Verdict {
  const time = localTime(facts.view.wallMs, facts.timezone);
  const { from, to } = windowOf(condition.time);
  const clock = `${Math.floor(time.minuteOfDay / 60)}:${String(time.minuteOfDay % 60).padStart(2, '0')}`;
  const days = condition.days === undefined ? '' : ` on ${condition.days.join(', ')}`;
  const holds = isWithin(time, from, to, condition.days);
  return timeless(`time ${condition.time}${days}`, `${time.weekday} ${clock}`, holds);
}

function sunVerdict({ sun }: SunCondition, facts: Facts): Verdict {
  if (facts.location === undefined) return timeless(`sun ${sun}`, 'location unknown', false);
  const { latitude, longitude } = facts.location;
  const height = sunElevation(facts.view.wallMs, latitude, longitude);
  // Refraction and the sun's radius: it is gone when its centre is 0.833° below the horizon.
  const isUp = height > -0.833;
  const holds = sun === 'up' ? isUp : sun === 'down' ? !isUp : fits(sun, height);
  const text = sun === 'up' || sun === 'down' ? sun : comparisonText(sun);
  return timeless(`sun ${text}`, Math.round(height * 10) / 10, holds);
}

function timeless(condition: string, value: unknown, holds: boolean): Verdict {
  return { holds, why: [{ condition, value, holds }], objects: undefined, isMoment: false };
}
