// Which events an alert receiver wants: by type, label and camera, and not again within the cool-down.
import type { AlertConfig } from '../../config/schema/config.ts';
import type { EventRecord } from '../../contracts/event.ts';

export type SelectionConfig = Pick<AlertConfig, 'events' | 'labels' | 'cameras' | 'cooldown_s'> &
  Partial<Pick<AlertConfig, 'name'>>;

/**
 * The cool-down counts capture time per camera and label, so that a backlog which is delivered late
 * is thinned like live events. A rule that names its receivers decides alone (it has a cool-down of
 * its own). An event that already passed passes again (it is being retried).
 */
export class Selection {
  private readonly config: SelectionConfig;
  private readonly passed = new Map<string, { readonly id: string; readonly tsMs: number }>();

  constructor(config: SelectionConfig) {
    this.config = config;
  }

  wants(event: EventRecord): boolean {
    const { name, events, labels, cameras, cooldown_s } = this.config;
    const named = event.event_type === 'rule' ? event.data.alerts : undefined;
    if (Array.isArray(named) && named.length > 0) return named.includes(name);
    if (!events.includes(event.event_type)) return false;
    if (cameras !== undefined && !cameras.includes(event.camera)) return false;
    const isOther = labels !== undefined && !labels.includes(event.label ?? '');
    if (isOther && event.object_id !== null) return false;
    return cooldown_s === 0 || this.isDue(event, cooldown_s * 1000);
  }

  private isDue(event: EventRecord, cooldownMs: number): boolean {
    const key = `${event.camera}/${event.label ?? event.event_type}`;
    const tsMs = Date.parse(event.ts);
    const last = this.passed.get(key);
    const sinceMs = last === undefined ? Number.POSITIVE_INFINITY : tsMs - last.tsMs;
    const isQuiet = sinceMs >= 0 && sinceMs < cooldownMs;
    if (isQuiet && last?.id !== event.id) return false;
    this.passed.set(key, { id: event.id, tsMs });
    return true;
  }
}
