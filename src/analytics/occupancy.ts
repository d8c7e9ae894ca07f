// What a zone as a whole does: how many are in it, too many for too long, nobody for too long.
import type { ZonePlan } from '../contracts/scene.ts';
import { placeEvent, type SceneEvent, seconds, type View } from './view.ts';
import type { Visits } from './zone.ts';

export interface Occupancy {
  readonly count: number;
  /** Since when there are that many, or nobody; undefined when it is not so. */
  readonly crowdedMs: number | undefined;
  readonly emptyMs: number | undefined;
  readonly isCrowded: boolean;
  readonly isAbsent: boolean;
}

export const EMPTY_OCCUPANCY: Occupancy = {
  count: 0,
  crowdedMs: undefined,
  emptyMs: undefined,
  isCrowded: false,
  isAbsent: false,
};

/** Each state is told once when it begins and once when it ends. */
export function stepOccupancy(
  name: string,
  zone: ZonePlan,
  before: Occupancy,
  visits: Visits,
  view: View,
): { events: SceneEvent[]; occupancy: Occupancy } {
  let count = 0;
  for (const visit of Object.values(visits)) if (visit.isIn) count += 1;
  const events: SceneEvent[] = [];
  const tell = (type: SceneEvent['type'], sinceMs: number): void => {
    events.push(placeEvent(type, view, name, { count, for_s: seconds(view.timeMs - sinceMs) }));
  };
  const { crowd, absence_s } = zone;
  const crowdedMs =
    crowd !== undefined && count >= crowd.count ? (before.crowdedMs ?? view.timeMs) : undefined;
  const isCrowded = crowdedMs !== undefined && view.timeMs - crowdedMs >= crowd!.for_s * 1000;
  if (isCrowded && !before.isCrowded) tell('crowding', crowdedMs!);
  if (!isCrowded && before.isCrowded) tell('crowding_end', before.crowdedMs ?? view.timeMs);
  const emptyMs = count === 0 ? (before.emptyMs ?? view.timeMs) : undefined;
  const isAbsent =
    emptyMs !== undefined && absence_s !== undefined && view.timeMs - emptyMs >= absence_s * 1000;
  if (isAbsent && !before.isAbsent) tell('absence', emptyMs!);
  if (!isAbsent && before.isAbsent) tell('absence_end', before.emptyMs ?? view.timeMs);
  return { events, occupancy: { count, crowdedMs, emptyMs, isCrowded, isAbsent } };
}
