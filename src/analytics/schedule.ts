// The world's clock in the place where the cameras are: times of day, days, resets.

import { DAYS, type Day } from '../contracts/rule.ts';
import type { ResetSchedule } from '../contracts/scene.ts';

export interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: Day;
  readonly minuteOfDay: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

let latest: { minute: number; timezone: string; time: LocalTime } | undefined;

/** What a wall clock in `timezone` (IANA name) shows. Formatting costs microseconds, so a minute is formatted once. */
export function localTime(wallMs: number, timezone: string): LocalTime {
  const minute = Math.floor(wallMs / 60_000);
  if (latest?.minute !== minute || latest.timezone !== timezone) {
    latest = { minute, timezone, time: formatted(wallMs, timezone) };
  }
  return latest.time;
}

function formatted(wallMs: number, timezone: string): LocalTime {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      weekday: 'short',
      hour: 'numeric',
      minute: 'numeric',
    });
    formats.set(timezone, format);
  }
  const parts = format.formatToParts(wallMs);
  const part = (type: string): string => parts.find((one) => one.type === type)!.value;
  return {
    year: Number(part('year')),
    month: Number(part('month')),
    day: Number(part('day')),
    weekday: part('weekday').toLowerCase() as Day,
    minuteOfDay: Number(part('hour')) * 60 + Number(part('minute')),
  };
}

/**
 * A name of the period that `wallMs` lies in: counters begin anew when a later one comes.
 * Names of the same schedule sort by time, so a clock that goes back resets nothing.
 */
export function periodOf(schedule: ResetSchedule, wallMs: number, timezone: string): string {
  if (schedule === 'never') return '';
  const { year, month, day, weekday, minuteOfDay } = localTime(wallMs, timezone);
  const date = (y: number, m: number, d: number): string =>
    `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`;
  if (schedule === 'monthly') return date(year, month, 1);
  if (schedule === 'daily') return date(year, month, day);
  if (schedule === 'hourly') {
    return `${date(year, month, day)}T${String(Math.floor(minuteOfDay / 60)).padStart(2, '0')}`;
  }
  const sinceMonday = (DAYS.indexOf(weekday) + 6) % 7;
  const monday = new Date(Date.UTC(year, month - 1, day - sinceMonday));
  return monday.toISOString().slice(0, 10);
}

/** `from` and `to` as minutes of the day; a window may reach over midnight and then belongs to the day it began. */
export function isWithin(
  time: LocalTime,
  from: number,
  to: number,
  days: readonly Day[] | undefined,
): boolean {
  const { minuteOfDay, weekday } = time;
  const isDay = (day: Day): boolean => days === undefined || days.includes(day);
  if (from === to) return isDay(weekday);
  if (from < to) return minuteOfDay >= from && minuteOfDay < to && isDay(weekday);
  if (minuteOfDay >= from) return isDay(weekday);
  return minuteOfDay < to && isDay(DAYS[(DAYS.indexOf(weekday) + 6) % 7]!);
}
