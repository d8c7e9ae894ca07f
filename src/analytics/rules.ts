// When rules fire: on the edge, not while; not twice for the same thing; not in quiet hours.

import type { RulePlan, Rules } from '../contracts/rule.ts';
import { evaluate, type Facts } from './condition.ts';
import type { Chains } from './sequence.ts';
import type { Verdict } from './verdict.ts';
import { placeEvent, type SceneEvent } from './view.ts';

export interface RuleState {
  /** Since when it holds, and since when it does not. */
  readonly holdsMs: number | undefined;
  readonly releasedMs: number | undefined;
  /** It fired and was not released yet. */
  readonly isActive: boolean;
  readonly firedMs: number | undefined;
  /** Objects in view that it fired for. */
  readonly firedFor: readonly string[];
  readonly chains: Readonly<Record<string, Chains>>;
}

export type RuleStates = Readonly<Record<string, RuleState>>;

const NEW_RULE: RuleState = {
  holdsMs: undefined,
  releasedMs: undefined,
  isActive: false,
  firedMs: undefined,
  firedFor: [],
  chains: {},
};

/** `camera` chooses the rules; each fired one becomes an event of type `rule` that says why. */
export function stepRules(
  rules: Rules,
  camera: string,
  before: RuleStates,
  facts: Facts,
): { events: SceneEvent[]; states: RuleStates } {
  const events: SceneEvent[] = [];
  const states: Record<string, RuleState> = {};
  for (const [name, rule] of Object.entries(rules)) {
    if (rule.cameras !== undefined && !rule.cameras.includes(camera)) continue;
    const { state, fired } = stepRule(rule, before[name] ?? NEW_RULE, facts);
    states[name] = state;
    if (fired !== undefined) events.push(firedEvent(name, rule, fired, facts));
  }
  return { events, states };
}

function stepRule(
  rule: RulePlan,
  before: RuleState,
  facts: Facts,
): { state: RuleState; fired: Verdict | undefined } {
  const { timeMs, tracks } = facts.view;
  const chains = { ...before.chains };
  const verdict = evaluate(rule.when, facts, chains);
  const firedFor = before.firedFor.filter((id) => tracks.some((track) => track.id === id));
  const holdsMs = verdict.holds ? (before.holdsMs ?? timeMs) : undefined;
  const releasedMs = verdict.holds ? undefined : (before.releasedMs ?? timeMs);
  const isReleased = releasedMs !== undefined && timeMs - releasedMs >= rule.release_s * 1000;
  const base = { ...before, chains, firedFor, holdsMs, releasedMs };
  const waiting = { ...base, isActive: before.isActive && !isReleased };
  const isDue =
    verdict.holds &&
    isNews(rule, verdict, waiting, firedFor, timeMs) &&
    timeMs - (before.firedMs ?? Number.NEGATIVE_INFINITY) >= rule.cooldown_s * 1000 &&
    !rule.quiet.some((quiet) => evaluate(quiet, facts, {}).holds);
  if (!isDue) return { state: waiting, fired: undefined };
  const nowFiredFor = [...new Set([...firedFor, ...(verdict.objects ?? [])])];
  const fired = { ...base, isActive: true, firedMs: timeMs, firedFor: nowFiredFor };
  return { state: fired, fired: verdict };
}

function isNews(
  rule: RulePlan,
  verdict: Verdict,
  { isActive, holdsMs }: RuleState,
  firedFor: readonly string[],
  timeMs: number,
): boolean {
  if (!verdict.isMoment && timeMs - holdsMs! < rule.for_s * 1000) return false;
  if (rule.once_per_track && verdict.objects !== undefined) {
    return verdict.objects.some((id) => !firedFor.includes(id));
  }
  return verdict.isMoment || !isActive;
}

function firedEvent(name: string, rule: RulePlan, fired: Verdict, { view }: Facts): SceneEvent {
  const { event, ...action } = rule.action;
  const objects = fired.objects ?? [];
  const track = view.tracks.find((one) => one.id === objects[0]);
  const why = fired.why
    .filter((reason) => reason.holds)
    .map(({ condition, value }) => ({ condition, value }));
  return {
    ...placeEvent('rule', view, undefined, { rule: name, event, ...action, objects, why }),
    track,
    objectId: track?.id,
    label: track?.label,
  };
}
