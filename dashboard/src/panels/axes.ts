/** What stands at the axes of lines over time, and what a line alone would not show. Pure. */
import { type Clock, dayOf, measure, timeOfDay } from "../design/format.ts";

/** Steps between marks of things that are counted. */
export const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000];

/** Of a logarithmic axis only powers of ten; twos and fives as well where it is short. Others: null. */
export function decades(splits: readonly number[], low = 1, high = 1): (number | null)[] {
  const isLong = high / low > 30;
  return splits.map((value) => {
    const lead = Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
    return lead === 1 || (!isLong && (lead === 2 || lead === 5)) ? value : null;
  });
}

/** Places of values without a neighbour; null: none. */
export function lonely(values: ArrayLike<number | null | undefined>): number[] | null {
  const found: number[] = [];
  for (let at = 0; at < values.length; at += 1) {
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) found.push(at);
  }
  return found.length > 0 ? found : null;
}

/** Times of day (of `splits`, seconds), the day below the first and where it changes; none where all is of today. */
export function marks(splits: readonly number[], clock: Clock, now: number): string[] {
  const days = splits.map((split) => dayOf(split * 1000, clock));
  const isFine = splits.length > 1 && (splits[1] ?? 0) - (splits[0] ?? 0) < 60;
  const times = splits.map((split) => timeOfDay(split * 1000, clock).slice(0, isFine ? 8 : 5));
  if (times.length > 1 && times.every((time) => time === "00:00")) return days.map(withoutYear);
  const today = dayOf(now, clock);
  const isToday = days.every((day) => day === today);
  return times.map((time, at) => {
    const day = days[at] ?? "";
    return isToday || day === days[at - 1] ? time : `${time}\n${withoutYear(day)}`;
  });
}

function withoutYear(day: string): string {
  return day.slice(5);
}

export function tick(value: number | null): string {
  if (value === null) return "";
  return Math.abs(value) >= 10_000 ? `${measure(value / 1000)}k` : measure(value, 2);
}

export function fromZero(high: number | null): [number, number] {
  return [0, high && high > 0 ? high * 1.1 : 1];
}
